/** What the operator hears of connections. What any client can cause as often as it likes is said seldom, and counted. */
import type { Socket } from 'node:net';
import { UninterruptibleError } from '../errors.js';
import type { Listener } from '../listeners/listener.js';
import type { Facts, Log } from '../log/log.js';
import { Quota } from '../log/quota.js';
import type { Connection } from './connection.js';

/** Connections that were not let in: by the allow-list, or by TLS. */
export interface Refusals {
  address: number;
  tls: number;
}

export class ConnectionReports {
  readonly refusals: Refusals = { address: 0, tls: 0 };
  /** undefined until it is opened. */
  readonly #log: () => Log | undefined;
  readonly #refused = this.#quota('more connections refused');
  readonly #broken = this.#quota('more connections broken amid their handlers');
  readonly #listenerFailures = this.#quota('more failures of listeners');
  #warnedOfListeners = false;

  constructor(log: () => Log | undefined) {
    this.#log = log;
  }

  accepted(connection: Connection): void {
    // The address costs a system call: asked for only where somebody reads it.
    this.#debug('connection accepted', connection, whence);
  }

  closed(connection: Connection): void {
    this.#debug('connection closed', connection);
  }

  /** An error of its socket. */
  failed(connection: Connection, error: Error): void {
    this.#debug('connection failed', connection, () => ({ err: error }));
  }

  refused({ id, listener }: Connection, error: unknown): void {
    const isByAddress =
      error instanceof UninterruptibleError && error.code === 'UNINTERRUPTIBLE_CONNECTION_ADDRESS_REFUSED';
    this.refusals[isByAddress ? 'address' : 'tls'] += 1;
    this.#seldom(this.#refused, 'warn', 'connection refused', {
      connection: id,
      listener: listener.name,
      err: error,
    });
  }

  handlerFailed(error: unknown, connection: Connection, socket: Socket): void {
    const facts = { connection: connection.id, err: error };
    // A reset, say, is not the program's fault, and any client can cause as many as it likes.
    if (isOfConnection(error, connection, socket)) {
      this.#seldom(this.#broken, 'warn', 'connection broken amid its handler', facts);
    } else {
      this.#log()?.error('handler failed', facts);
    }
  }

  /** Out of descriptors, each listener fails ten times a second. */
  listenerFailed(error: Error, { bound }: Listener): void {
    this.#seldom(this.#listenerFailures, 'error', 'listener failed', { listener: bound, err: error });
  }

  /** `async` in front of a handler that only registers listeners ends every connection at once: say so, once. */
  watchForSettledAtOnce(result: PromiseLike<unknown>): void {
    if (this.#warnedOfListeners) return;
    let firstTick = true;
    setImmediate(() => {
      firstTick = false;
    });
    const check = (): void => {
      if (!firstTick || this.#warnedOfListeners) return;
      this.#warnedOfListeners = true;
      this.#log()?.warn(
        'handleRequest returned a promise that settled at once while `data` listeners hang on the socket, so the ' +
          'connection was ended. Return nothing (drop `async`), or a promise that settles when you are done.',
      );
    };
    result.then(check, check);
  }

  /** Says it within the quota, and beyond it only to who debugs. */
  #seldom(quota: Quota, level: 'warn' | 'error', message: string, facts: Facts): void {
    this.#log()?.[quota.take() ? level : 'debug'](message, facts);
  }

  #quota(whenHeldBack: string): Quota {
    return new Quota((count) => this.#log()?.warn(whenHeldBack, { count }));
  }

  #debug(message: string, connection: Connection, facts?: (connection: Connection) => Facts): void {
    const log = this.#log();
    if (!log?.debugging) return;
    const { id, listener } = connection;
    log.debug(message, { connection: id, listener: listener.name, ...facts?.(connection) });
  }
}

function whence({ socket }: Connection): Facts {
  return { from: socket.remoteAddress };
}

/** Whether what a handler threw is what became of its connection: an error of the socket, or the deadline of a drain. */
function isOfConnection(error: unknown, { cut }: Connection, { errored }: Socket): boolean {
  if (!(error instanceof Error)) return false;
  return error === errored || (cut && (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE');
}
