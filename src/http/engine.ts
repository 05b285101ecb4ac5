/**
 * Gives accepted connections to Node's HTTP servers and follows what happens on each: its requests are counted, it is known
 * to be idle or not, and it drains. One of these serves all connections of one server.
 */
import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type {
  Http2Server,
  Http2ServerRequest,
  Http2ServerResponse,
  ServerHttp2Session,
  ServerHttp2Stream,
} from 'node:http2';
import type { Server as AnyServer, Socket } from 'node:net';
import type { HttpConfiguration } from '../configuration.js';
import type { Connection } from '../connections/connection.js';
import { connectionOf, linkToConnection } from '../connections/connection-of.js';
import { underlying } from '../connections/tls.js';
import { onProtocol } from './first-bytes.js';
import { Http1Connection, type Http1ConnectionOptions } from './http1-connection.js';
import { Http2Connection } from './http2-connection.js';
import {
  type Observer,
  observe,
  type Passage,
  refuseUnknownExpectations,
  startTimeouts,
} from './node-server.js';
import { answerReadiness, asksForReadiness } from './readiness.js';
import type { RequestCounter } from './request-counter.js';

type Http2Listener = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

interface Session {
  readonly connection: Connection;
  readonly http2: Http2Connection;
}

export interface EngineOptions {
  readonly configuration: HttpConfiguration;
  readonly counter: RequestCounter;
  /** Whether the process wants new work. */
  readonly isReady: () => boolean | Promise<boolean>;
  readonly onDrainUpgraded: (socket: Socket, request: IncomingMessage) => void;
  readonly onFailure: (error: unknown, connection: Connection) => void;
}

export class HttpEngine {
  readonly #options: EngineOptions;
  /** The same for all connections. */
  readonly #http1Options: Http1ConnectionOptions;
  readonly #http1: AnyServer & { keepAliveTimeout?: number };
  /** Whether that one does TLS by itself. */
  readonly #handshakes: boolean;
  /** Only where both protocols are spoken and told apart here. */
  readonly #http2: Http2Server | undefined;
  readonly #sessions = new WeakMap<ServerHttp2Session, Session>();
  /** A stream whose session has ended does not know it any more. */
  readonly #streams = new WeakMap<ServerHttp2Stream, Connection>();
  /** Whose socket Node's server is being given. A session is announced in the same tick and has no other link to it. */
  #current: { readonly connection: Connection; readonly socket: Socket } | undefined;

  readonly #keepAliveTimeout = (): number => this.#http1.keepAliveTimeout ?? 0;

  /** Serves with a server of Node's, or with one made for a listener. */
  constructor(application: AnyServer | RequestListener, options: EngineOptions) {
    this.#options = options;
    this.#http1Options = {
      counter: options.counter,
      keepAliveTimeout: this.#keepAliveTimeout,
      onDrainUpgraded: (socket, request, connection) => {
        try {
          options.onDrainUpgraded(socket, request);
        } catch (error) {
          options.onFailure(error, connection);
        }
      },
    };
    const { http2, httpOptions } = options.configuration;
    // Asked once, and only of a server that was given: the answer loads node:tls, and costs as much as all else here.
    this.#handshakes = typeof application !== 'function' && isSecure(application);
    if (typeof application === 'function') {
      this.#http1 = this.#observed(http.createServer(httpOptions, application));
      if (!http2) return;
      // Loaded here: who does not speak it does not wait for it.
      const server = process.getBuiltinModule('node:http2').createServer();
      // It is called with the same kind of request and response.
      this.#http2 = this.#observed(server.on('request', application as unknown as Http2Listener));
    } else {
      this.#http1 = this.#observed(application);
    }
  }

  /** Takes a socket that was let in: a secured one, or one in cleartext. */
  serve(socket: Socket, connection: Connection): void {
    linkToConnection(socket, connection);
    connection.servedBy = this;
    const { alpnProtocol, encrypted } = socket as Socket & {
      alpnProtocol?: string | false;
      encrypted?: boolean;
    };
    if (this.#http2 === undefined) {
      // What is secured already, and the probe, enter a server that does TLS by itself behind its handshake.
      const entrance =
        this.#handshakes && (encrypted || connection.probe) ? 'secureConnection' : 'connection';
      // Half a connection is no use before the handshake is done: its end is the end.
      if (this.#handshakes && entrance === 'connection') socket.allowHalfOpen = false;
      this.#give(this.#http1, socket, connection, entrance);
    } else if (encrypted) {
      this.#give(alpnProtocol === 'h2' ? this.#http2 : this.#http1, socket, connection);
    } else {
      const http2 = this.#http2;
      // Silent in a drain, it ends as one of HTTP/1 does.
      this.#follow(socket, connection);
      onProtocol(socket, (protocol) => {
        if (!socket.destroyed) this.#give(protocol === 'h2' ? http2 : this.#http1, socket, connection);
      });
    }
  }

  /** To be called when no connection is left: only then does Node's own close cut nothing. */
  close(): void {
    for (const server of [this.#http1, this.#http2]) server?.close();
  }

  /** The connection a request came over. */
  contextOf(request: IncomingMessage): Connection | undefined {
    const { stream } = request as unknown as Partial<Http2ServerRequest>;
    return stream === undefined ? this.#own(request.socket) : this.#streams.get(stream);
  }

  #give(server: AnyServer, socket: Socket, connection: Connection, entrance = 'connection'): void {
    if (entrance === 'connection') this.#follow(socket, connection);
    this.#current = { connection, socket };
    server.emit(entrance, socket);
    this.#current = undefined;
  }

  /** HTTP/1 until a session says otherwise. */
  #follow(socket: Socket, connection: Connection): void {
    connection.follow(new Http1Connection(socket, connection, this.#http1Options));
  }

  #observed<Server extends AnyServer>(server: Server): Server {
    const observer: Observer = {
      request: (request, response) => this.#request(request, response),
      upgrade: (request, socket) => this.#http1Of(socket)?.upgrade(request),
      session: (session) => this.#followSession(session),
      stream: (stream) => this.#stream(stream),
      secured: (socket, pass) => {
        const connection = this.#own(socket) ?? this.#own(underlying(socket));
        if (connection !== undefined) {
          linkToConnection(socket, connection);
          this.#follow(socket, connection);
        }
        this.#current = connection && { connection, socket };
        pass();
        this.#current = undefined;
      },
    };
    observe(server, observer);
    refuseUnknownExpectations(server);
    startTimeouts(server);
    return server;
  }

  #followSession(session: ServerHttp2Session): void {
    if (this.#current === undefined) return;
    const { connection, socket } = this.#current;
    // A client that ends its half takes no more answers: as on a server of Node's that listens.
    socket.allowHalfOpen = false;
    const http2 = new Http2Connection(session, {
      counter: this.#options.counter,
      keepAliveTimeout: this.#keepAliveTimeout,
    });
    this.#sessions.set(session, { connection, http2 });
    connection.follow(http2);
  }

  #stream(stream: ServerHttp2Stream): void {
    // The types say it always has a session; destroyed, it has none.
    const session = stream.session as ServerHttp2Session | undefined;
    const found = session && this.#sessions.get(session);
    if (found === undefined) return;
    this.#streams.set(stream, found.connection);
    found.http2.begin(stream);
  }

  #request(request: IncomingMessage, response: ServerResponse): Passage {
    // Of a session there is none: its streams are counted there.
    const connection = this.#http1Of(request.socket);
    connection?.begin(request, response);
    if (asksForReadiness(request, this.#options.configuration.readiness)) {
      void this.#tellReadiness(request, response);
      return 'never';
    }
    return connection?.draining ? 'next turn' : 'now';
  }

  /** The connection of a socket, if it is served here: another engine may look at the events of the same server of Node's. */
  #own(socket: Socket): Connection | undefined {
    const connection = connectionOf(socket);
    return connection?.servedBy === this ? connection : undefined;
  }

  /** Of a connection that speaks HTTP/1, by its socket; that of a request of HTTP/2 is a proxy, and leads nowhere. */
  #http1Of(socket: Socket): Http1Connection | undefined {
    const activity = this.#own(socket)?.activity;
    return activity instanceof Http1Connection ? activity : undefined;
  }

  async #tellReadiness(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let ready = false;
    try {
      ready = await this.#options.isReady();
    } catch (error) {
      const context = this.contextOf(request);
      if (context !== undefined) this.#options.onFailure(error, context);
    }
    answerReadiness(request, response, ready);
  }
}

function isSecure(server: AnyServer): boolean {
  return server instanceof process.getBuiltinModule('node:tls').Server;
}
