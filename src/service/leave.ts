/**
 * What becomes of a process that gave the service away: it drains, stands by for the rollback window, and serves again
 * if its successor dies meanwhile.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { DrainingPeer } from '../handover/draining-peer.js';
import { OwnerPeer } from '../handover/owner-peer.js';
import { trusted } from '../handover/peer.js';
import { type Counters, WAITS } from '../handover/protocol.js';
import { attempt } from './attempt.js';
import { drainMembers } from './drain-members.js';
import { runHooks } from './hooks.js';
import { Reserve, type Successor } from './reserve.js';
import type { Service } from './service.js';
import { remainderOf } from './status.js';

/** How often a registration with the new owner is tried, in a row. */
const REGISTRATIONS = 3;
/** How often the owner is told how far this process is with what it counts. */
const REPORT_MILLISECONDS = 1_000;

export async function leave(service: Service, successor: Successor): Promise<void> {
  const { members, seat } = service;
  // The order matters: whoever connects from here on is the successor's.
  for (const member of members) member.acceptor.pause();
  // Whoever drained for us drains for the successor now, and registers there.
  const farewells = Promise.all([...service.draining].map(sayBye));
  for (const [at, listeners] of successor.unclaimed) members[at]?.acceptor.end(listeners);
  seat?.silenceLater(WAITS.moved);

  const reserve = new Reserve(service, successor);
  service.reserve = reserve;
  service.owner = new OwnerPeer(successor.channel, successor.pid, {
    rollbackOrdered: (token) => void reserve.rollBack(token),
    hurry: () => hurry(service, reserve),
    reopenLog: service.log.reopen,
    bye: () => {
      reserve.release('the owner said bye');
      return moveOn(service, successor.channel.peer.pid);
    },
    counted: (books) => service.ledger.told(books),
    vanished: () => void afterSuccessor(service, reserve),
  });
  service.lifecycle.to('draining');
  if (!service.canServeAgain) reserve.release('the command is told to stop');
  const report = (): void => service.owner?.report({ ...remainderOf(service), ...limits(service, reserve) });
  service.tellOwner = report;
  service.ledger.handedOver();
  const stopReporting = reportCounters(service, report);
  const cut = await drainMembers(service, reserve.resumed, report).finally(stopReporting);
  if (cut === null) return;

  if (!reserve.released) {
    service.lifecycle.to('standing-by');
    service.trace('standing by', { owner: successor.pid });
    report();
    await reserve.standBy(limits(service, reserve).rollback ?? 0);
    if (reserve.resumed.aborted) return;
  }
  // What those counted last who drained for us is told with our own last word.
  await Promise.all([service.restarts.relayed(), farewells]);
  // Whoever owns the service counts on us to the last.
  await reserve.decided();
  if (reserve.resumed.aborted) return;
  await end(service, cut);
}

async function sayBye(peer: DrainingPeer): Promise<void> {
  await peer.bye();
  peer.channel.close();
  await peer.gone;
}

/** Whatever was told is not lost with this process. Returns what ends it. */
function reportCounters(service: Service, report: () => void): () => void {
  const counters = (): string => JSON.stringify(service.ledger.own().toCounters());
  let reported = counters();
  const timer = setInterval(() => {
    const now = counters();
    if (now !== reported) report();
    reported = now;
  }, REPORT_MILLISECONDS).unref();
  return () => clearInterval(timer);
}

/** The owner was followed by another. Returns what was counted, if that one will not hear of this process. */
function moveOn(service: Service, saidBye: number): Counters | undefined {
  const finds = service.lifecycle.is('draining', 'standing-by') && service.seat?.path !== null;
  void register(service, saidBye);
  return finds ? undefined : service.ledger.own().toCounters();
}

/** The owner wants us gone: neither connections nor a rollback are waited for. */
function hurry(service: Service, reserve?: Reserve): void {
  service.log.info('told to leave now', { connections: service.active });
  reserve?.release('the owner wants this process gone');
  service.hurry();
}

/** How long this process stays at least, and at most, in ms. */
function limits(
  { configuration: { rollbackWindow, drainTimeout } }: Service,
  { since }: Reserve,
): { rollback?: number; deadline?: number } {
  const left = (limit: number): number => Math.round(Math.max(0, since + limit - performance.now()));
  return {
    ...(rollbackWindow === 0 ? {} : { rollback: left(rollbackWindow) }),
    ...(drainTimeout === null ? {} : { deadline: left(drainTimeout) }),
  };
}

/** The last steps: nothing can be undone from here on. */
async function end(service: Service, cut: number): Promise<void> {
  service.lifecycle.to('stopping');
  service.reserve?.release('leaving');
  const { formerSeat } = service;
  attempt(service, 'the former control path could not be removed', () => formerSeat?.unpublish());
  formerSeat?.remove();
  await runHooks(service, 'onStop');
  service.step('leaving', { owner: service.owner?.pid });
  if (service.owner !== undefined) sayWhereItWent(service, service.owner.pid);
  service.owner?.leave(service.ledger.own().toCounters());
  service.finish(cut);
}

/** The successor's end came without a word: this process serves again, or whoever else is the owner hears of it. */
async function afterSuccessor(service: Service, reserve: Reserve): Promise<void> {
  await reserve.successorVanished();
  if (reserve.released) await register(service);
}

/**
 * Tells the owner that we still drain, so that its `status` shows all generations. Best effort. `saidBye` is who is not
 * the owner any more.
 */
async function register(service: Service, saidBye?: number): Promise<void> {
  const { seat } = service;
  if (seat === undefined) return;
  for (let times = 0; times < REGISTRATIONS && service.lifecycle.is('draining', 'standing-by'); times++) {
    try {
      const channel = trusted(seat.connect());
      // Whoever said bye because it stops still answers here for a moment, and waits for us on its own connection.
      if (saidBye !== 0 && channel.peer.pid === saidBye) {
        channel.close();
        return;
      }
      const { pid } = process;
      channel.send({
        type: 'stand-by',
        pid,
        generation: service.generation,
        features: service.features,
        process: service.ledger.process,
        ...remainderOf(service),
      });
      // The owner may have told everybody before it knew of us.
      service.log.keepUp();
      // The connection to the owner before stays open: if that one stops for good, it waits there for our end.
      service.owner = new OwnerPeer(channel, channel.peer.pid, {
        rollbackOrdered: () => undefined, // Only who has duplicates is asked.
        hurry: () => hurry(service),
        reopenLog: service.log.reopen,
        bye: () => moveOn(service, channel.peer.pid),
        counted: (books) => service.ledger.told(books),
        vanished: () => void delay(WAITS.farewell / REGISTRATIONS).then(() => register(service)),
      });
      return;
    } catch {
      await delay(WAITS.farewell / REGISTRATIONS);
    }
  }
}

/** A developer who sees the prompt come back must know what still runs, and how to stop it. */
function sayWhereItWent(service: Service, pid: number): void {
  if (service.options.mode === 'run' && process.stdout.isTTY) {
    service.log.info(`pid ${pid} serves in the background now; stop it with: kill ${pid}`);
  }
}
