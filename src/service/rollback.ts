/** Rollback by order, seen from the owner: it asks the process before to take the service back, and then hands over to it. */
import { UninterruptibleError, wrongState } from '../errors.js';
import type { RestartResult } from '../events.js';
import type { DrainingPeer } from '../handover/draining-peer.js';
import { WAITS } from '../handover/protocol.js';
import { randomBytes } from '../process/random.js';
import { Deferred } from './deferred.js';
import { repair, sweep } from './repair.js';
import type { OnStep } from './restart.js';
import type { Service } from './service.js';

const INSTEAD = ' Instead, put the old version in place and restart.';

interface Attempt {
  readonly token: string;
  readonly predecessor: DrainingPeer;
  readonly outcome: Deferred<RestartResult>;
  readonly watchers: OnStep[];
  /** The process before has connected: from now on the exchange decides. */
  takenOver: boolean;
}

export class Rollbacks {
  readonly #service: Service;
  #attempt: Attempt | undefined;

  constructor(service: Service) {
    this.#service = service;
  }

  /** Resolves when the process before is the owner; rejects with ROLLBACK_… while this one serves on. */
  async request(onStep?: OnStep): Promise<RestartResult> {
    const { lifecycle, stopping, restarts } = this.#service;
    if (stopping.signal.aborted) throw this.#service.stoppedError();
    const running = this.#attempt;
    if (running !== undefined) {
      if (onStep !== undefined) running.watchers.push(onStep);
      return running.outcome.promise;
    }
    if (restarts.running || lifecycle.is('handing-over')) throw impossible('A restart is under way.');
    if (!lifecycle.is('serving')) throw wrongState('rollback', lifecycle.state);
    const attempt: Attempt = {
      token: randomBytes(32).toString('hex'),
      predecessor: this.#able(),
      outcome: new Deferred(),
      watchers: onStep === undefined ? [] : [onStep],
      takenOver: false,
    };
    this.#attempt = attempt;
    return this.#carryOut(attempt);
  }

  /** Whether this token was given to the process we wait for. */
  expects(token: string): boolean {
    return this.#attempt?.token === token && !this.#attempt.takenOver;
  }

  /** A take-over begins. Returns whether it is the one we asked for. */
  takenOverBy(token: string | undefined, pid: number): boolean {
    const attempt = this.#attempt;
    if (attempt === undefined || token !== attempt.token) return false;
    attempt.takenOver = true;
    for (const watcher of attempt.watchers) watcher('taking-over', pid);
    return true;
  }

  /** Whether the exchange in which it does is under way. */
  isTakingBack(peer: DrainingPeer): boolean {
    return this.#attempt?.predecessor === peer && this.#attempt.takenOver;
  }

  /** The exchange with it has failed. */
  exchangeFailed(error: UninterruptibleError): void {
    if (this.#attempt?.takenOver) this.#attempt.outcome.reject(failed(error.message, error));
  }

  /** It is the owner now, and not one who drains for us. Another process that is makes our order pointless. */
  succeeded(result: RestartResult): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    if (!attempt.takenOver) {
      attempt.outcome.reject(failed(`Process ${result.pid} took over meanwhile.`));
      return;
    }
    this.#service.draining.delete(attempt.predecessor);
    attempt.predecessor.channel.close();
    attempt.outcome.resolve(result);
  }

  async #carryOut(attempt: Attempt): Promise<RestartResult> {
    const service = this.#service;
    try {
      return await this.#ask(attempt);
    } catch (thrown) {
      const error = thrown as UninterruptibleError;
      if (service.lifecycle.is('serving') && !service.stopping.signal.aborted) {
        service.handoverFailed(error);
        await sweep(service);
      } else {
        service.step('rollback abandoned', { predecessor: attempt.predecessor.pid, reason: error.message });
      }
      throw error;
    }
  }

  async #ask(attempt: Attempt): Promise<RestartResult> {
    const service = this.#service;
    const { token, predecessor, outcome } = attempt;
    const { pid } = predecessor;
    /** Once it has connected, the exchange decides. */
    const giveUp = (error: UninterruptibleError): void => {
      if (!attempt.takenOver) outcome.reject(error);
    };
    const onStop = (): void => giveUp(service.stoppedError());
    let timer: NodeJS.Timeout | undefined;
    try {
      // It would take us for dead if a cleaner had removed path and lock file.
      repair(service);
      service.timeline.begin('hand-over');
      service.step('rolling back', { predecessor: pid });
      for (const watcher of attempt.watchers) watcher('asked', pid);
      predecessor.orderRollback(token, (reason) => giveUp(failed(reason)));
      void predecessor.gone.then(() => giveUp(failed(`Process ${pid} has left.`)));
      service.stopping.signal.addEventListener('abort', onStop);
      timer = setTimeout(() => {
        giveUp(failed(`Process ${pid} did not answer within ${WAITS.takeBack} ms.`));
      }, WAITS.takeBack);
      return await outcome.promise;
    } finally {
      // From here on the token is good no more: what was reported as failed must not happen afterwards.
      this.#attempt = undefined;
      clearTimeout(timer);
      service.stopping.signal.removeEventListener('abort', onStop);
    }
  }

  /** Whether an order would go to this process. */
  mayGoTo(peer: DrainingPeer): boolean {
    return peer === this.#service.predecessor && peer.features.includes('take-back') && !peer.leftByItself;
  }

  /** The process before, if it is still there and can do it. Throws ROLLBACK_IMPOSSIBLE and says why not. */
  #able(): DrainingPeer {
    const { predecessor, draining } = this.#service;
    if (predecessor === undefined) {
      throw impossible(`This process was started without one before it.${INSTEAD}`);
    }
    const { pid, features, goneAt } = predecessor;
    if (goneAt !== undefined || !draining.has(predecessor)) {
      const when = goneAt === undefined ? '' : ` at ${new Date(goneAt).toISOString()}`;
      throw impossible(
        `Process ${pid}, the one before, left${when}; rollbackWindow says how long it stays.${INSTEAD}`,
      );
    }
    if (!features.includes('take-back')) {
      throw impossible(`Process ${pid}, the one before, does not know how; end this one to go back to it.`);
    }
    return predecessor;
  }
}

function impossible(why: string): UninterruptibleError {
  return new UninterruptibleError(
    'UNINTERRUPTIBLE_ROLLBACK_IMPOSSIBLE',
    `Nobody can take the service back. ${why}`,
  );
}

function failed(why: string, cause?: unknown): UninterruptibleError {
  return new UninterruptibleError(
    'UNINTERRUPTIBLE_ROLLBACK_FAILED',
    `The process before did not take the service back: ${why}`,
    cause === undefined ? {} : { cause },
  );
}
