/**
 * Receives the connections of one server: each is counted in the tick it was accepted, let in or refused, given to its
 * handler, and ended when that has finished.
 */
import type { Socket } from 'node:net';
import type { ServerConfiguration } from '../configuration.js';
import type { Log } from '../log/log.js';
import { Acceptor } from './acceptor.js';
import { Admission } from './admission.js';
import type { Connection, ListenerInfo } from './connection.js';
import { ConnectionTracker } from './connection-tracker.js';
import { dropUnread, finish, surviveReading } from './finish.js';
import { ConnectionReports } from './reports.js';
import type { TlsSecrets } from './tls-secrets.js';

/** What its server does with connections. */
export interface Host {
  /** undefined until it is opened. */
  readonly log: () => Log | undefined;
  readonly generation: () => number;
  /** A connection was accepted: for whoever traces. */
  announce(socket: Socket, connection: Connection): void;
  /** Calls `process`, at once or when its turn has come. In JavaScript an override may return anything. */
  schedule(socket: Socket, listener: ListenerInfo): unknown;
  /** The handler of the program. */
  handle(socket: Socket, connection: Connection): unknown;
  /** What code of the program threw for a connection, after it was logged. */
  handlerFailed(error: unknown, connection: Connection): void;
}

/** Of connections that nobody waits for: one for all of them. */
const NOTHING_LEFT = Promise.resolve();

export class Reception {
  readonly tracker: ConnectionTracker;
  readonly acceptor: Acceptor;
  readonly reports: ConnectionReports;
  readonly #host: Host;
  #maxConnections: number | null = null;
  /** undefined until it is prepared. */
  #admission: Admission | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.reports = new ConnectionReports(host.log);
    this.tracker = new ConnectionTracker({
      closed: (connection) => {
        this.acceptor.connectionClosed();
        this.reports.closed(connection);
      },
      failed: (connection, error) => this.reports.failed(connection, error),
    });
    this.acceptor = new Acceptor({
      tracker: this.tracker,
      maxConnections: () => this.#maxConnections,
      generation: host.generation,
      onConnection: (socket, connection) => this.#accepted(socket, connection),
      onError: (error, listener) => this.reports.listenerFailed(error, listener),
    });
  }

  /** To be called before anything is accepted. */
  prepare(configuration: ServerConfiguration, secrets: TlsSecrets): void {
    this.#maxConnections = configuration.maxConnections;
    this.#admission = new Admission(configuration, secrets, this.tracker);
  }

  /** What clients of TCP listeners must satisfy, in words. */
  get demands(): readonly string[] {
    return this.#admission?.demands ?? [];
  }

  /** Takes one end of a socket pair as a connection of the library's own, by the listener of that name or the first. */
  acceptProbe(socket: Socket, listenerName: string | undefined): void {
    const { listeners } = this.acceptor;
    const listener =
      listenerName === undefined ? listeners[0] : listeners.find(({ info }) => info.name === listenerName);
    if (listener === undefined) throw new TypeError(`There is no listener named ${String(listenerName)}.`);
    this.#accepted(socket, this.tracker.add(socket, listener.info, this.#host.generation(), true));
  }

  /**
   * Lets a connection in, or refuses it; calls its handler, and ends it. Rejects if it was not accepted here. No async function:
   * what most connections need no promise for has none.
   */
  process(socket: Socket): Promise<void> {
    const connection = this.tracker.of(socket);
    if (connection === undefined) {
      return rejected('processRequest() takes a socket that acceptClientConnection() was given.');
    }
    if (socket.destroyed) return NOTHING_LEFT;
    if (this.#admission === undefined) return rejected('The server is not prepared yet.');
    if (this.#admission.isOpenTo(connection)) return this.#handle(socket, connection);
    return this.#admit(this.#admission, socket, connection);
  }

  /** What the program's code for one connection threw, by the socket it spoke over. */
  handlerFailed(error: unknown, connection: Connection, socket: Socket = connection.socket): void {
    this.reports.handlerFailed(error, connection, socket);
    this.#host.handlerFailed(error, connection);
  }

  #accepted(socket: Socket, connection: Connection): void {
    this.reports.accepted(connection);
    this.#host.announce(socket, connection);
    try {
      const scheduled = this.#host.schedule(socket, connection.listener);
      if (scheduled === NOTHING_LEFT || !isThenable(scheduled) || connection.isEnd(scheduled)) return;
      scheduled.then(undefined, (error: unknown) => this.#dropped(error, connection));
    } catch (error) {
      this.#dropped(error, connection);
    }
  }

  /** Who schedules connections has failed with this one. */
  #dropped(error: unknown, connection: Connection): void {
    this.handlerFailed(error, connection);
    connection.socket.destroy();
  }

  async #admit(admission: Admission, socket: Socket, connection: Connection): Promise<void> {
    let admitted: Socket;
    try {
      admitted = await admission.admit(socket, connection);
    } catch (error) {
      this.reports.refused(connection, error);
      return;
    }
    await this.#handle(admitted, connection);
  }

  /** Never throws or rejects, whatever the handler returns. */
  #handle(socket: Socket, connection: Connection): Promise<void> {
    surviveReading(socket);
    let promised: PromiseLike<unknown> | undefined;
    try {
      const result = this.#host.handle(socket, connection);
      // Even to ask may run code of the program.
      if (isThenable(result)) promised = result;
    } catch (error) {
      this.handlerFailed(error, connection, socket);
      finish(socket);
      return NOTHING_LEFT;
    }
    if (promised === undefined) {
      // Node's default: when the client has ended and what was written is out, so has the connection.
      socket.allowHalfOpen = false;
      if (socket.readableEnded) socket.end();
      else dropUnread(socket);
      return NOTHING_LEFT;
    }
    return connection.isEnd(promised) ? promised : this.#finish(socket, connection, promised);
  }

  /** Ends the connection when its handler has. */
  async #finish(socket: Socket, connection: Connection, result: PromiseLike<unknown>): Promise<void> {
    try {
      if (socket.listenerCount('data') > 0) this.reports.watchForSettledAtOnce(result);
      await result;
    } catch (error) {
      this.handlerFailed(error, connection, socket);
    }
    finish(socket);
  }
}

function rejected(why: string): Promise<never> {
  return Promise.reject(new TypeError(why));
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}
