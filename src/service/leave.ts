/**
 * What becomes of a process that gave the service away: it drains, stands by for the rollback window, and serves again
 * if its successor dies meanwhile.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { OwnerPeer } from '../handover/owner-peer.js';
import { trusted } from '../handover/peer.js';
import { FEATURES, WAITS } from '../handover/protocol.js';
import { attempt } from './attempt.js';
import { drainMembers } from './drain-members.js';
import { runHooks } from './hooks.js';
import { Reserve, type Successor } from './reserve.js';
import type { Service } from './service.js';

/** How often a registration with the new owner is tried, in a row. */
const REGISTRATIONS = 3;

export async function leave(service: Service, successor: Successor): Promise<void> {
  const { members, seat } = service;
  // The order matters: whoever connects from here on is the successor's.
  for (const member of members) member.acceptor.pause();
  // Whoever drained for us drains for the successor now, and registers there.
  for (const peer of service.draining) void peer.bye().then(() => peer.channel.close());
  for (const [at, listeners] of successor.unclaimed) members[at]?.acceptor.end(listeners);
  seat?.silenceLater(WAITS.moved);

  const reserve = new Reserve(service, successor);
  service.reserve = reserve;
  service.owner = new OwnerPeer(successor.channel, successor.pid, {
    takeBack: (token) => void reserve.takeBack(token),
    hurry: () => hurry(service, reserve),
    bye: () => {
      reserve.release('the owner said bye');
      void register(service, successor.channel.peer.pid);
    },
    vanished: () => void afterSuccessor(service, reserve),
  });
  service.lifecycle.to('draining');
  const report = (): void => service.owner?.report({ ...service.remainder, ...limits(service, reserve) });
  const cut = await drainMembers(service, reserve.resumed, report);
  if (cut === null) return;

  if (!reserve.released) {
    service.lifecycle.to('standing-by');
    report();
    await reserve.standBy(limits(service, reserve).rollback ?? 0);
    if (reserve.resumed.aborted) return;
  }
  await service.restarts.relayed();
  // Whoever owns the service counts on us to the last.
  await reserve.decided();
  if (reserve.resumed.aborted) return;
  await end(service, cut);
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
  service.log.info('leaving', { owner: service.owner?.pid });
  if (service.owner !== undefined) sayWhereItWent(service, service.owner.pid);
  service.owner?.leave();
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
        features: [...FEATURES],
        ...service.remainder,
      });
      // The connection to the owner before stays open: if that one stops for good, it waits there for our end.
      service.owner = new OwnerPeer(channel, channel.peer.pid, {
        takeBack: () => undefined, // Only who has duplicates is asked.
        hurry: () => hurry(service),
        bye: () => void register(service, channel.peer.pid),
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
