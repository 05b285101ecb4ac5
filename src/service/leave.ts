/**
 * What becomes of a process that gave the service away: it drains, stands by for the rollback window, and serves again
 * if its successor dies meanwhile.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { drain } from '../drain/drain.js';
import { Channel } from '../handover/channel.js';
import { OwnerPeer } from '../handover/owner-peer.js';
import { WAITS } from '../handover/protocol.js';
import type { Listener } from '../listeners/listener.js';
import { openListener } from '../listeners/open-listener.js';
import { repair } from './hand-over.js';
import type { Service } from './service.js';

/** How long the old control inode still answers `moved`: whoever looked the path up before the rename is through by then. */
const MOVED_MILLISECONDS = 1_000;
/** How often a registration with the new owner is tried, in a row. */
const REGISTRATIONS = 3;

export interface Successor {
  channel: Channel;
  pid: number;
  /** By server: listeners the successor did not claim. */
  unclaimed: Map<number, Listener[]>;
}

export async function leave(service: Service, successor: Successor): Promise<void> {
  const { members, configuration, seat, log } = service;
  // The order matters: whoever connects from here on is the successor's.
  for (const member of members) member.acceptor.pause();
  for (const peer of service.draining) void peer.bye();
  for (const [at, listeners] of successor.unclaimed) members[at]?.acceptor.end(listeners);
  setTimeout(() => seat?.silence(), MOVED_MILLISECONDS).unref();

  const tenure = new Tenure(service, successor);
  service.tenure = tenure;
  service.owner = new OwnerPeer(successor.channel, successor.pid, {
    bye: () => tenure.release('the owner said bye'),
    vanished: () => void tenure.successorVanished(),
  });
  service.lifecycle.to('draining');
  await runHooks(service, (member) => member.onDrain());
  const startedAt = performance.now();
  log.info('draining', { connections: service.active });
  const cut = await drain(
    members.map((member) => member.tracker),
    {
      deadline: configuration.drainTimeout,
      signal: tenure.resumed,
      onProgress: (connections) => {
        log.info('draining', { connections });
        service.owner?.report(connections);
      },
      onLongWait: (connections) => log.warn('still draining; drainTimeout is not set', { connections }),
    },
  );
  if (cut === null) return;
  if (cut > 0) log.warn('the drain deadline cut connections', { cut });
  else log.info('drained', { milliseconds: Math.round(performance.now() - startedAt) });

  if (!tenure.released) {
    service.lifecycle.to('standing-by');
    await tenure.standBy(Math.max(0, tenure.since + configuration.rollbackWindow - performance.now()));
    if (tenure.resumed.aborted) return;
  }
  await service.restarts.relayed();
  if (tenure.resumed.aborted) return;
  await end(service, cut);
}

/** The last steps: nothing can be undone from here on. */
async function end(service: Service, cut: number): Promise<void> {
  service.lifecycle.to('stopping');
  service.tenure?.release('leaving');
  service.formerSeat?.leave();
  await runHooks(service, (member) => member.onStop());
  service.log.info('leaving', { owner: service.owner?.pid });
  if (service.owner !== undefined) sayWhereItWent(service, service.owner.pid);
  service.owner?.leave();
  service.finish(cut);
}

/** The time between giving the service away and leaving: whether this process could still take it back. */
export class Tenure {
  readonly since: number = performance.now();
  readonly #service: Service;
  readonly #successor: Successor;
  readonly #resumed = new AbortController();
  readonly #released = new AbortController();

  constructor(service: Service, successor: Successor) {
    this.#service = service;
    this.#successor = successor;
  }

  /** Aborted when this process serves again. */
  get resumed(): AbortSignal {
    return this.#resumed.signal;
  }

  /** Whether the duplicates are gone: this process only drains. */
  get released(): boolean {
    return this.#released.signal.aborted;
  }

  /** Waits for the end of the rollback window, or until there is nothing to wait for. */
  async standBy(milliseconds: number): Promise<void> {
    const signal = AbortSignal.any([this.resumed, this.#released.signal]);
    await delay(milliseconds, undefined, { signal }).catch(() => undefined);
  }

  /**
   * Drops the duplicates of the listeners, for good: one that nobody accepts from is a black hole as soon as the owner
   * has gone too.
   */
  release(reason: string): void {
    if (this.released || this.resumed.aborted) return;
    const service = this.#service;
    this.#released.abort();
    for (const member of service.members) {
      for (const listener of member.acceptor.listeners) listener.drop();
    }
    service.seat?.leave();
    service.log.info('duplicates dropped', { reason });
    if (reason === 'the owner said bye') void register(service);
  }

  /** The successor's end came without a word: if byte 0 can be had it is dead, and the service is ours again. */
  async successorVanished(): Promise<void> {
    const service = this.#service;
    const { seat, log } = service;
    if (seat === undefined || !this.#mayResume()) return;
    log.warn('the successor vanished', { successor: this.#successor.pid });
    if (!seat.ownership.tryOwner() && !(await seat.ownership.takeOwner(WAITS.ownerLock))) {
      this.release('another process is the owner');
      return;
    }
    if (!this.#mayResume()) {
      seat.ownership.releaseOwner();
      return;
    }
    this.#resumed.abort();
    service.highestGeneration += 1;
    service.generation = service.highestGeneration;
    service.ownerSince = Date.now();
    service.lastChange = performance.now();
    for (const member of service.members) {
      member.tracker.resume();
      member.acceptor.accept();
    }
    service.owner = undefined;
    service.tenure = undefined;
    service.lifecycle.to('serving');
    repair(service);
    service.step('rolled back', { successor: this.#successor.pid });
    await this.#bindAgain();
    await runHooks(service, (member) => member.onResume());
  }

  #mayResume(): boolean {
    return !this.released && this.#service.lifecycle.is('draining', 'standing-by');
  }

  /** What the successor had removed and was shut down: best effort. */
  async #bindAgain(): Promise<void> {
    const { binding, members, log } = this.#service;
    if (binding === undefined) return;
    for (const [at, listeners] of this.#successor.unclaimed) {
      const acceptor = members[at]?.acceptor;
      for (const lost of listeners) {
        try {
          const again = await openListener(binding, lost.address, lost.index);
          if (acceptor === undefined) again.drop();
          else acceptor.replace(lost, again);
        } catch (error) {
          log.warn('a listener the successor had removed could not be bound again', {
            listener: lost.bound,
            err: error,
          });
        }
      }
    }
  }
}

/** Tells the new owner that we still drain, so that its `status` shows all generations. Best effort. */
async function register(service: Service): Promise<void> {
  const { binding, seat } = service;
  if (binding === undefined || seat === undefined) return;
  for (
    let attempt = 0;
    attempt < REGISTRATIONS && service.lifecycle.is('draining', 'standing-by');
    attempt++
  ) {
    try {
      const channel = Channel.connect(binding, seat.path);
      const { pid } = process;
      channel.send({ type: 'stand-by', pid, generation: service.generation, connections: service.active });
      service.owner = new OwnerPeer(channel, channel.peer.pid, {
        bye: () => void register(service),
        vanished: () => undefined,
      });
      return;
    } catch {
      await delay(WAITS.farewell / REGISTRATIONS);
    }
  }
}

export async function runHooks(
  service: Service,
  hook: (member: Service['members'][number]) => Promise<void>,
): Promise<void> {
  const results = await Promise.allSettled(service.members.map(hook));
  for (const result of results) {
    if (result.status === 'rejected') service.log.error('a hook failed', { err: result.reason });
  }
}

/** A developer who sees the prompt come back must know what still runs, and how to stop it. */
function sayWhereItWent(service: Service, pid: number): void {
  if (service.options.mode === 'run' && process.stdout.isTTY) {
    service.log.info(`pid ${pid} serves in the background now; stop it with: kill ${pid}`);
  }
}
