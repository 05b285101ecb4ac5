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
import { finish, surviveReading } from './finish.js';
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

  /** Lets a connection in, or refuses it; calls its handler, and ends it. Rejects if it was not accepted here. */
  async process(socket: Socket): Promise<void> {
    const connection = this.tracker.of(socket);
    if (connection === undefined) {
      throw new TypeError('processRequest() takes a socket that acceptClientConnection() was given.');
    }
    if (socket.destroyed) return;
    let admitted = socket;
    if (this.#admission === undefined) throw new TypeError('The server is not prepared yet.');
    if (!this.#admission.isOpenTo(connection)) {
      try {
        admitted = await this.#admission.admit(socket, connection);
      } catch (error) {
        this.reports.refused(connection, error);
        return;
      }
    }
    await this.#handle(admitted, connection);
  }

  /** What the program's code for one connection threw, by the socket it spoke over. */
  handlerFailed(error: unknown, connection: Connection, socket = connection.socket): void {
    this.reports.handlerFailed(error, connection, socket);
    this.#host.handlerFailed(error, connection);
  }

  #accepted(socket: Socket, connection: Connection): void {
    this.reports.accepted(connection);
    this.#host.announce(socket, connection);
    const destroy = (error: unknown): void => {
      this.handlerFailed(error, connection);
      socket.destroy();
    };
    try {
      const scheduled = this.#host.schedule(socket, connection.listener);
      if (isThenable(scheduled)) scheduled.then(undefined, destroy);
    } catch (error) {
      destroy(error);
    }
  }

  async #handle(socket: Socket, connection: Connection): Promise<void> {
    surviveReading(socket);
    try {
      const result = this.#host.handle(socket, connection);
      if (!isThenable(result)) {
        // Node's default: when the client has ended and what was written is out, so has the connection.
        socket.allowHalfOpen = false;
        if (socket.readableEnded) socket.end();
        return;
      }
      if (socket.listenerCount('data') > 0) this.reports.watchForSettledAtOnce(result);
      await result;
    } catch (error) {
      this.handlerFailed(error, connection, socket);
    }
    finish(socket);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}
