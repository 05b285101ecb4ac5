/** Rollback: a process that drains or stands by serves again when its successor dies without a word, or on its order. */
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { describeError, UninterruptibleError } from '../errors.js';
import type { Channel } from '../handover/channel.js';
import { type Books, generationAfter, WAITS } from '../handover/protocol.js';
import type { ListenAddress } from '../listeners/address.js';
import type { Listener } from '../listeners/listener.js';
import { openListener } from '../listeners/open-listener.js';
import { followPredecessor } from './follow.js';
import { runHooks } from './hooks.js';
import { repair } from './repair.js';
import type { Service } from './service.js';
import { takeBack } from './take-back.js';

/** Whoever took over, as far as a rollback needs it. */
export interface Successor {
  channel: Channel;
  pid: number;
  /** By server: listeners the successor did not claim. */
  unclaimed: Map<number, Listener[]>;
}

/** What a process that gave the service away keeps back: duplicates of the listeners, and the right to use them again. */
export class Reserve {
  readonly since: number = performance.now();
  readonly #service: Service;
  readonly #successor: Successor;
  readonly #resumed = new AbortController();
  readonly #released = new AbortController();
  /** The exchange in which the owner gives the service back. Never rejects. */
  #rollback: Promise<void> | undefined;
  /** What comes of the owner's end without a word. Never rejects. */
  #vanished: Promise<void> | undefined;
  /** That of the latest order to take it back. */
  #token = '';

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

  /**
   * Settles when nothing is under way that may make this process serve again. After a long stop (SIGSTOP) the timer of
   * the window runs before the owner is heard: its word, or its end, counts first.
   */
  async decided(): Promise<void> {
    this.#successor.channel.poll();
    await setImmediate();
    await this.#rollback;
    await this.#vanished;
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
    this.#released.abort(failed(`It has let go of the listeners: ${reason}.`));
    for (const member of service.members) {
      for (const listener of member.acceptor.listeners) listener.drop();
    }
    service.seat?.leave();
    service.log.info('can no longer serve again', { reason });
  }

  /** If byte 0 can be had the successor is dead, and the service is ours again; if not, we only drain. */
  successorVanished(): Promise<void> {
    this.#vanished ??= this.#followVanished();
    return this.#vanished;
  }

  async #followVanished(): Promise<void> {
    // It may have died amid giving it back: the exchange tells whether byte 0 came with it.
    await this.#rollback;
    const { seat, log } = this.#service;
    if (seat === undefined || !this.#mayResume()) return;
    this.#service.timeline.begin('rollback');
    log.warn('the successor vanished', { successor: this.#successor.pid });
    this.#service.trace('successor vanished', { successor: this.#successor.pid });
    try {
      const isTaken = (): boolean => seat.leadsToAnother(this.#successor.pid);
      if (!(await seat.ownership.takeOwner(WAITS.ownerLock, this.#released.signal, isTaken))) {
        this.release('another process is the owner');
        return;
      }
    } catch (error) {
      // Released meanwhile, and the lock file with it; or the lock cannot be asked for, and duplicates are a black hole.
      if (!this.released) log.error('the owner lock cannot be asked for', { err: error });
      this.release('the owner lock cannot be asked for');
      return;
    }
    if (!this.#mayResume()) {
      seat.ownership.releaseOwner();
      return;
    }
    this.#resume(generationAfter(this.#service.highestGeneration));
    repair(this.#service);
    await this.#settleIn('the successor died');
  }

  /** The owner wants us to serve again. Resolves when we do, or when it has heard why not. */
  rollBack(token: string): Promise<void> {
    this.#token = token;
    this.#rollback ??= this.#obey().finally(() => {
      this.#rollback = undefined;
    });
    return this.#rollback;
  }

  async #obey(): Promise<void> {
    const { owner, log } = this.#service;
    for (;;) {
      const token = this.#token;
      try {
        await this.#attempt(token);
        break;
      } catch (error) {
        log.warn('the service was not taken back', { err: error });
        this.#service.trace('not taken back', { successor: this.#successor.pid, error: error });
        // Ordered anew meanwhile: what came of the order before is no answer to that.
        if (token !== this.#token) continue;
        owner?.refuseTakeBack(describeError(error));
        return;
      }
    }
    await this.#settleIn('by order');
  }

  async #attempt(token: string): Promise<void> {
    const service = this.#service;
    const { seat, owner } = service;
    service.timeline.begin('rollback');
    if (seat === undefined || !this.#mayResume()) throw failed('It has let go of the listeners.');
    service.step('taking back', { successor: this.#successor.pid });
    const signal = AbortSignal.any([service.stopping.signal, this.#released.signal]);
    const { from, complete } = await takeBack(service, seat, token, signal);
    this.#resume(generationAfter(from?.offer.generation ?? service.highestGeneration), from?.books);
    complete();
    owner?.forget();
    if (from !== null) followPredecessor(service, from);
  }

  /** Byte 0 is ours: nothing here may fail. */
  #resume(generation: number, books?: Books): void {
    const service = this.#service;
    this.#resumed.abort();
    if (books === undefined) service.ledger.resume();
    else service.ledger.adopt(books);
    service.tellOwner = undefined;
    service.highestGeneration = generation;
    service.generation = generation;
    service.ownerSince = Date.now();
    service.lastChange = performance.now();
    service.lastHandover = {
      at: Date.now(),
      outcome: 'rolled-back',
      pid: this.#successor.pid,
      error: null,
      lastWords: null,
    };
    for (const member of service.members) {
      member.tracker.resume();
      member.acceptor.accept();
    }
    service.owner = undefined;
    service.reserve = undefined;
    service.lifecycle.to('serving');
  }

  async #settleIn(why: 'by order' | 'the successor died'): Promise<void> {
    const service = this.#service;
    service.ledger.count(why === 'by order' ? 'rollbacks_order' : 'rollbacks_death');
    service.step('rolled back', { successor: this.#successor.pid, why });
    await this.#bindAgain();
    await service.drainAnnounced;
    await runHooks(service, 'onResume');
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
          const again = await openListener(binding, sameAddress(lost), lost.index);
          // It may have stopped, or given the service away again, meanwhile.
          if (this.#service.lifecycle.is('serving') && acceptor !== undefined) {
            acceptor.replace(lost, again);
          } else {
            again.unlink();
            again.drop();
          }
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

function failed(why: string): UninterruptibleError {
  return new UninterruptibleError('UNINTERRUPTIBLE_ROLLBACK_FAILED', why);
}

/** Where it really listened: a port that the kernel chose is asked for by its number. */
function sameAddress({ address, info }: Listener): ListenAddress {
  return address.kind === 'tcp' ? { ...address, port: info.port } : address;
}
