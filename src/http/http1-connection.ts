/**
 * HTTP/1 on one connection: which requests are open on it, whether it is idle, and how it ends when the process drains.
 *
 * Nothing idle is closed by force, because the next request may be on its way. Instead the next answer says
 * `Connection: close` (RFC 9112, 9.6), and a client that never asks again is left to its keep-alive timeout.
 */
import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Activity, Connection } from '../connections/connection.js';
import type { RequestCounter } from './request-counter.js';
import { patience } from './silence.js';

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export interface Http1ConnectionOptions {
  readonly counter: RequestCounter;
  /** Of Node's server, in ms; 0: none. */
  readonly keepAliveTimeout: () => number;
  /** The process drains, and the protocol is not HTTP any more. */
  readonly onDrainUpgraded: (socket: Socket, request: IncomingMessage, connection: Connection) => void;
}

export class Http1Connection implements Activity {
  readonly #socket: Socket;
  readonly #connection: Connection;
  readonly #options: Http1ConnectionOptions;
  /** In the order of the requests, which is that of the answers. */
  readonly #open: Exchange[] = [];
  /** What had been read when the last answer was complete. If more was, a request is on its way. */
  #mark = 0;
  #draining = false;
  /** What the client asked for before the protocol was not HTTP any more. */
  #upgraded: IncomingMessage | undefined;

  /** By the socket that speaks HTTP: that of the connection, or TLS over it. */
  constructor(socket: Socket, connection: Connection, options: Http1ConnectionOptions) {
    this.#socket = socket;
    this.#connection = connection;
    this.#options = options;
  }

  /** Whether nothing is asked, half asked or being answered. */
  get idle(): boolean {
    return this.#upgraded === undefined && this.#open.length === 0 && this.#socket.bytesRead === this.#mark;
  }

  get draining(): boolean {
    return this.#draining;
  }

  begin(request: IncomingMessage, response: ServerResponse): void {
    const exchange = { request, response };
    this.#open.push(exchange);
    this.#options.counter.begin();
    if (this.#draining) this.#closeAfter(exchange);
    // It comes once: `once` would cost more than the rest of this method.
    response.on('close', () => this.#answered(exchange));
  }

  /** Of answers that wait for their turn Node tells nobody that the connection has closed. */
  closed(): void {
    for (const exchange of [...this.#open]) this.#forget(exchange);
  }

  #answered(exchange: Exchange): void {
    if (!this.#forget(exchange)) return;
    const { request } = exchange;
    // An answer may come before all of its question, which then still counts.
    if (request.complete) this.#settle();
    else request.once('close', () => this.#settle());
  }

  /** Whether it was open until now. */
  #forget(exchange: Exchange): boolean {
    const at = this.#open.indexOf(exchange);
    if (at < 0) return false;
    this.#open.splice(at, 1);
    this.#options.counter.end();
    return true;
  }

  /** Nothing is open any more, unless something else is. */
  #settle(): void {
    if (this.#open.length > 0) return;
    this.#mark = this.#socket.bytesRead;
    if (this.#draining) this.#endIfSilent();
  }

  upgrade(request: IncomingMessage): void {
    this.#upgraded = request;
    // The program gets the socket first.
    if (this.#draining) setImmediate(() => this.#drainUpgraded(request));
  }

  /** From now on each answer that can be the last one is. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    if (this.#upgraded !== undefined) {
      this.#drainUpgraded(this.#upgraded);
      return;
    }
    for (const exchange of this.#open) this.#closeAfter(exchange);
    if (this.#open.length === 0) this.#endIfSilent();
  }

  #drainUpgraded(request: IncomingMessage): void {
    this.#options.onDrainUpgraded(this.#socket, request, this.#connection);
  }

  /**
   * Decided when the headers are written, whoever writes them: the last answer is that to the newest request (those that
   * were pipelined behind it are answered too), and one that was read to its end (what a client still sends into a
   * closed connection comes back as a reset, which would take the answer with it).
   */
  #closeAfter(exchange: Exchange): void {
    const { request, response } = exchange;
    if (response.headersSent) return;
    const writeHead = response.writeHead.bind(response) as (...parameters: unknown[]) => ServerResponse;
    response.writeHead = (...parameters: unknown[]): ServerResponse => {
      if (this.#open.at(-1) !== exchange || !request.complete) return writeHead(...parameters);
      response.setHeader('Connection', 'close');
      return writeHead(...parameters.map(withoutConnection));
    };
  }

  /** Node's own timeout starts after an answer only; and none if it is turned off. */
  #endIfSilent(): void {
    const read = this.#socket.bytesRead;
    const timer = setTimeout(() => {
      if (this.idle && this.#socket.bytesRead === read) this.#socket.destroySoon();
    }, patience(this.#options.keepAliveTimeout())).unref();
    this.#socket.once('close', () => clearTimeout(timer));
  }
}

/** The argument of `writeHead` that has headers, without what it says of the connection: a proxy copies that from upstream. */
function withoutConnection(parameter: unknown): unknown {
  if (typeof parameter !== 'object' || parameter === null) return parameter;
  const headers = parameter as OutgoingHttpHeaders | OutgoingHttpHeader[];
  if (!Array.isArray(headers)) {
    return Object.fromEntries(Object.entries(headers).filter(([name]) => !isConnection(name)));
  }
  // Flat, because Node takes pairs only where no header was set before.
  if (Array.isArray(headers[0])) return headers.filter((pair) => !isConnection((pair as string[])[0])).flat();
  return headers.filter((_, at) => !isConnection(headers[at - (at % 2)]));
}

function isConnection(name: unknown): boolean {
  return typeof name === 'string' && name.toLowerCase() === 'connection';
}
