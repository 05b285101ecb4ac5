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
  /** The listening socket ended with the processes that had it. */
  listenerLost: boolean;
}

/** Milliseconds by which clocks and timers may be off. */
const MARGIN = 50;

export function explain(losses: readonly Loss[], { events, peers, listenerLost }: Evidence): Explained[] {
  const killed = killedAt(events);
  const held = new Set(events.filter(({ what }) => what === 'held').map(({ words }) => Number(words[0])));
  for (const port of openAtTheEnd(peers, new Set(killed.keys()))) held.add(port);
  const firstDeath = Math.min(...killed.values());
  const reason = ({ port, at }: Loss): Reason | undefined => {
    if (held.has(port)) return 'accepted by a process that was killed';
    if (listenerLost && at >= firstDeath - MARGIN) return 'queued at a listener whose only holder was killed';
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
