/** Why each client that was lost was lost. */
import type { Event } from './interposer.js';
import type { Loss } from './load.js';

export interface Explained extends Loss {
  /** Undefined: there was no reason for it. */
  because: Reason | undefined;
}

type Reason =
  | 'accepted by a process that was killed'
  /** Before it could pass it on. */
  | 'queued at a listener whose only holder was killed';

export interface Evidence {
  events: readonly Event[];
  /** What the servers noted of whom they accepted. */
  peers: string;
  /** Whether the listening socket is another one now, or none. */
  listenerLost: boolean;
  /** Who had it when the hand-over began. */
  holders: readonly number[];
}

/** By then it has closed what it had received: it says so last, and closes the lock file without a word if it cannot go on. */
const GIVEN_UP: ReadonlySet<string> = new Set(['step:next:released', 'step:sent:failed']);
/** Milliseconds by which clocks and timers may be off. */
const MARGIN = 50;

export function explain(losses: readonly Loss[], evidence: Evidence): Explained[] {
  const { events, peers } = evidence;
  const killed = killedAt(events);
  const held = new Set(events.filter(({ what }) => what === 'held').map(({ words }) => Number(words[0])));
  for (const port of openAtTheEnd(peers, new Set(killed.keys()))) held.add(port);
  const firstDeath = Math.min(...killed.values());
  const isOrphaned = evidence.listenerLost && haveAllDied(evidence, killed);
  const reason = ({ port, at }: Loss): Reason | undefined => {
    if (held.has(port)) return 'accepted by a process that was killed';
    if (isOrphaned && at >= firstDeath - MARGIN) return 'queued at a listener whose only holder was killed';
    return undefined;
  };
  return losses.map((loss) => ({ ...loss, because: reason(loss) }));
}

/** Whom a fault killed, or the service itself, and when. */
export function killedAt(events: readonly Event[]): Map<number, number> {
  const killed = new Map<number, number>();
  for (const { at, pid, what, words } of events) {
    if (what === 'hit' && words[3] === 'kill') killed.set(pid, at);
    if (what === 'kills') killed.set(Number(words[0]), at);
  }
  return killed;
}

/** Whether everybody who had the listener was killed, or could not go on: whoever was left should have kept it. */
function haveAllDied({ events, holders }: Evidence, killed: ReadonlyMap<number, number>): boolean {
  const lastDeath = Math.max(...killed.values());
  const survivors = new Set(events.map(({ pid }) => pid).filter((pid) => !killed.has(pid)));
  return [...survivors].every(
    (pid) => !holders.includes(pid) && (hasFailed(pid, events) || !holdsAt(lastDeath, pid, events)),
  );
}

/** Whether a fault of its own kept it from serving: of two faults the other may be the death of who was before. */
function hasFailed(pid: number, events: readonly Event[]): boolean {
  const own = events.filter((event) => event.pid === pid);
  return (
    own.some(({ what, words }) => what === 'hit' && words[3] === 'errno') &&
    own.some(({ words }) => words[1] === 'step:could-not-start')
  );
}

/** Whether it had received the listeners by then, and not given up. */
function holdsAt(time: number, pid: number, events: readonly Event[]): boolean {
  let holds = false;
  let isOwner = false;
  let callAt = 0;
  for (const { at, words } of events.filter((event) => event.pid === pid)) {
    const step = words[1];
    // The receiver may die of what was sent before the sender has noted that it is sent.
    if (step?.startsWith('step:sent:') !== true) callAt = at;
    if (callAt > time) break;
    if (step === 'step:received:listeners') holds = true;
    if (step === 'step:owner:got') isOwner = true;
    if (step !== undefined && GIVEN_UP.has(step) && !isOwner) holds = false;
  }
  return holds;
}

/** The ports of the clients that these processes had accepted and not closed. */
function openAtTheEnd(peers: string, pids: ReadonlySet<number>): Set<number> {
  const open = new Set<number>();
  for (const line of peers.split('\n')) {
    const [pid, what, port] = line.split(' ');
    if (!pids.has(Number(pid))) continue;
    if (what === 'opened') open.add(Number(port));
    else open.delete(Number(port));
  }
  return open;
}
