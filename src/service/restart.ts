/**
 * Restarts: one at a time, and an answer to everybody who asked. Requests that come before the new process is spawned
 * join; later ones are one further restart, which whoever is the owner by then runs: a deploy that lands while a
 * restart runs must not be told that the older code is it.
 */
import { isErrorCode, UninterruptibleError, wrongState } from '../errors.js';
import type { RestartResult, RestartUnderWay } from '../events.js';
import { closeAll } from '../handover/channel.js';
import { trusted } from '../handover/peer.js';
import { reported } from '../handover/predecessor.js';
import type { Failed } from '../handover/protocol.js';
import { randomBytes } from '../process/random.js';
import { showDirectory } from '../process/shown-directory.js';
import { type StartedProcess, startProcess } from '../process/spawn.js';
import { Deferred } from './deferred.js';
import { repair, sweep } from './repair.js';
import { exitedEarly, explained, notReady } from './restart-failure.js';
import type { Seat } from './seat.js';
import type { Service } from './service.js';

/** setTimeout counts in 31 bits; what is longer fires at once. */
const LONGEST_TIMER = 2 ** 31 - 1;
/** Told of each step of the restart a request joined, with the pid of the new process. */
export type OnStep = (step: string, pid: number | undefined) => void;

interface Attempt {
  readonly token: string;
  readonly outcome: Deferred<RestartResult>;
  readonly watchers: OnStep[];
  /** Resolves when everything about it is over, the child included. */
  settled: Promise<RestartResult>;
  child: StartedProcess | undefined;
  /** On the monotonic clock. */
  readonly begun: number;
  /** Our child has connected: from now on the exchange decides, not the child's exit. */
  takenOver: boolean;
}

/** A restart behind the one under way; whoever asks meanwhile joins. */
interface Queued {
  readonly outcome: Deferred<RestartResult>;
  readonly watchers: OnStep[];
}

export class Restarts {
  readonly #service: Service;
  #attempt: Attempt | undefined;
  #queued: Queued | undefined;
  #relay: Promise<void> | undefined;

  constructor(service: Service) {
    this.#service = service;
  }

  get running(): boolean {
    return this.#attempt !== undefined;
  }

  get underWay(): RestartUnderWay | null {
    const attempt = this.#attempt;
    if (attempt === undefined) return null;
    const since = Math.round(Date.now() - (performance.now() - attempt.begun));
    return {
      pid: attempt.child?.pid ?? null,
      since,
      deadline: since + this.#service.configuration.readyTimeout,
    };
  }

  /** Whether one waits until the change of owner that is under way is over. */
  get queued(): boolean {
    return this.#queued !== undefined;
  }

  /** Milliseconds the new process still has to become ready. */
  get left(): number {
    const begun = this.#attempt?.begun ?? Number.NEGATIVE_INFINITY;
    return Math.max(1, begun + this.#service.configuration.readyTimeout - performance.now());
  }

  /** Resolves when a new process is the owner; rejects with RESTART_… while this one serves on. */
  request(onStep?: OnStep): Promise<RestartResult> {
    const { lifecycle, owner } = this.#service;
    const attempt = this.#attempt;
    if (!lifecycle.is('serving', 'handing-over')) {
      const hint = owner === undefined ? '' : ` The owner is pid ${owner.pid}.`;
      return Promise.reject(wrongState('restart', lifecycle.state, hint));
    }
    if (this.#service.stopping.signal.aborted) return Promise.reject(this.#service.stoppedError());
    if (attempt !== undefined && attempt.child === undefined) {
      if (onStep !== undefined) attempt.watchers.push(onStep);
      this.#service.notifier.reloading();
      return attempt.settled;
    }
    if (attempt !== undefined || lifecycle.is('handing-over')) {
      this.#service.log.info('restart queued: one is under way');
      this.#queued ??= { outcome: new Deferred(), watchers: [] };
      if (onStep !== undefined) {
        this.#queued.watchers.push(onStep);
        onStep('queued', attempt?.child?.pid);
      }
      return this.#queued.outcome.promise;
    }
    return this.#begin(onStep === undefined ? [] : [onStep]);
  }

  /** Whether this token was given to the process we wait for. */
  expects(token: string): boolean {
    return this.#attempt?.token === token && !this.#attempt.takenOver;
  }

  /** A take-over begins. Returns our child if it is that one. */
  takenOverBy(token: string | undefined, pid: number): StartedProcess | undefined {
    const attempt = this.#attempt;
    if (attempt === undefined || token !== attempt.token) return undefined;
    attempt.takenOver = true;
    for (const watcher of attempt.watchers) watcher('taking-over', pid);
    return attempt.child;
  }

  /** The exchange with our child, if it was that one, has failed. */
  exchangeFailed(error: UninterruptibleError): void {
    if (this.#attempt?.takenOver) this.#attempt.outcome.reject(error);
    else this.#runQueued();
  }

  /** Somebody is the owner now: our child, or another process, which makes our restart pointless. */
  succeeded(result: RestartResult, started: StartedProcess | undefined): void {
    const attempt = this.#attempt;
    // The owner is never ended here, even if it forgot to say who started it.
    if (started !== undefined || attempt?.child?.includes(result.pid) === true) {
      attempt?.outcome.resolve(result);
    } else {
      attempt?.outcome.reject(
        new UninterruptibleError(
          'UNINTERRUPTIBLE_RESTART_SUPERSEDED',
          `Process ${result.pid}, which was not started by this restart, took over meanwhile.`,
        ),
      );
    }
    if (this.#queued !== undefined) this.#relay = this.#passOn(this.#queued);
    this.#queued = undefined;
  }

  /** Resolves when restarts that were passed on to the new owner have been answered. */
  async relayed(): Promise<void> {
    await this.#attempt?.settled.catch(() => undefined);
    await this.#relay;
  }

  /** This process leaves at once: a child that is not the owner yet must not become it. */
  killChild(): void {
    this.#attempt?.child?.kill();
  }

  /** Ends what runs, the child included: the service stops. */
  async stop(): Promise<void> {
    const error = this.#service.stoppedError();
    this.#queued?.outcome.reject(error);
    this.#queued = undefined;
    this.#attempt?.outcome.reject(error);
    await this.#attempt?.settled.catch(() => undefined);
  }

  #begin(watchers: OnStep[]): Promise<RestartResult> {
    const attempt: Attempt = {
      token: randomBytes(32).toString('hex'),
      outcome: new Deferred(),
      watchers,
      settled: Promise.resolve() as unknown as Promise<RestartResult>,
      child: undefined,
      begun: performance.now(),
      takenOver: false,
    };
    this.#attempt = attempt;
    this.#service.notifier.reloading();
    // In a turn of its own, so that whoever asks in this one joins, a listener of the first step among them.
    const carriedOut = Promise.resolve().then(() => this.#carryOut(attempt));
    attempt.settled = carriedOut.finally(() => {
      this.#attempt = undefined;
      this.#runQueued();
    });
    return attempt.settled;
  }

  async #carryOut(attempt: Attempt): Promise<RestartResult> {
    const service = this.#service;
    let timer: NodeJS.Timeout | undefined;
    service.timeline.begin('hand-over');
    try {
      const { command, binding, seat } = this.#possible();
      repair(service);
      const { workingDirectory, readyTimeout } = service.configuration;
      service.step('restarting', { command, ...showDirectory(workingDirectory) });
      const { place, descriptors } = seat.invite(service.greeter);
      const inherited = { place, token: attempt.token };
      const child = startProcess({ binding, command, workingDirectory, inherited, descriptors });
      attempt.child = child;
      service.step('started', { child: child.pid });
      for (const watcher of attempt.watchers) watcher('started', child.pid);
      void child.exited.then((exit) => {
        if (!attempt.takenOver) attempt.outcome.reject(exitedEarly(exit, command, workingDirectory));
      });
      timer = setTimeout(() => {
        if (!attempt.takenOver) attempt.outcome.reject(notReady(readyTimeout));
      }, this.left);
      const result = await attempt.outcome.promise;
      child.lastWords.close();
      return result;
    } catch (thrown) {
      const error = await explained(thrown as Error, {
        child: attempt.child,
        takenOver: attempt.takenOver,
        readyTimeout: service.configuration.readyTimeout,
        listeners: service.members.flatMap(({ acceptor }) => acceptor.listeners.map(({ info }) => info)),
      });
      if (service.lifecycle.is('serving')) {
        repair(service);
        await sweep(service);
      }
      const servesOn = service.lifecycle.is('serving') && !service.stopping.signal.aborted;
      if (servesOn) service.handoverFailed(error);
      else service.step('restart abandoned', { child: attempt.child?.pid, reason: error.message });
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #possible(): {
    command: string | readonly string[];
    binding: NonNullable<Service['binding']>;
    seat: Seat;
  } {
    const { configuration, binding, seat, unavailable, unavailableCause: cause } = this.#service;
    const { startCommand } = configuration;
    if (binding === undefined || seat === undefined) {
      throw new UninterruptibleError(
        'UNINTERRUPTIBLE_HANDOVER_UNAVAILABLE',
        `No restart here: ${unavailable}.`,
        cause === undefined ? {} : { cause },
      );
    }
    if (startCommand === null) throw new UninterruptibleError('UNINTERRUPTIBLE_RESTART_NO_COMMAND');
    if (process.pid === 1) throw new UninterruptibleError('UNINTERRUPTIBLE_RESTART_AS_PID_1');
    if (process.geteuid?.() !== this.#service.uid) {
      throw new UninterruptibleError('UNINTERRUPTIBLE_RESTART_UID_CHANGED');
    }
    return { command: startCommand, binding, seat };
  }

  #runQueued(): void {
    const queued = this.#queued;
    const { lifecycle, stopping } = this.#service;
    if (queued === undefined || stopping.signal.aborted || !lifecycle.is('serving') || this.running) return;
    this.#queued = undefined;
    this.#begin(queued.watchers).then(queued.outcome.resolve, queued.outcome.reject);
  }

  async #passOn({ outcome, watchers }: Queued): Promise<void> {
    const { seat, configuration, log } = this.#service;
    try {
      if (seat === undefined) throw this.#service.stoppedError();
      const channel = trusted(seat.connect());
      log.info('restart passed on to the new owner', { owner: channel.peer.pid });
      channel.send({ type: 'restart' });
      try {
        for (;;) {
          const { message, descriptors } = await channel.receive(
            Math.min(configuration.readyTimeout + 10_000, LONGEST_TIMER),
          );
          closeAll(descriptors);
          if (message.type === 'failed') {
            log.warn('the restart that was passed on failed', {
              owner: channel.peer.pid,
              code: message.code,
            });
            outcome.reject(asSaid(message));
            return;
          }
          if (message.type === 'progress') for (const watcher of watchers) watcher(message.step, message.pid);
          if (message.type !== 'restarted') continue;
          outcome.resolve({ pid: message.pid, generation: message.generation });
          return;
        }
      } finally {
        channel.close();
      }
    } catch (error) {
      log.error('the queued restart could not be passed on to the new owner', { err: error });
      outcome.reject(error as Error);
    }
  }
}

/** Whoever asked hears what they would have heard from the new owner. */
function asSaid(failed: Failed): UninterruptibleError {
  const error = reported(failed);
  const { details = {} } = error;
  return isErrorCode(failed.code)
    ? new UninterruptibleError(failed.code, failed.message, { details })
    : error;
}
