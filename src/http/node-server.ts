/**
 * A server of Node's that never listens: it gets its connections from us, and we see its requests before the program
 * does. Its `close()` is called when no connection is left and not before, because it cuts requests (nodejs/node#60617).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Server as AnyServer, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** When the program gets a request: one that was answered already it never does. */
export type Passage = 'now' | 'next turn' | 'never';

/** What we look at before the program gets it. */
export interface Observer {
  request(request: IncomingMessage, response: ServerResponse): Passage;
  upgrade(request: IncomingMessage, socket: Socket): void;
  session(session: ServerHttp2Session): void;
  /** Of HTTP/2, also where a `request` comes out of it. */
  stream(stream: ServerHttp2Stream): void;
  /** A server that does TLS by itself has done it. `pass` goes on with HTTP. */
  secured(socket: TLSSocket, pass: () => void): void;
}

type Emit = (this: AnyServer, event: string | symbol, ...parameters: unknown[]) => boolean;

/**
 * Looks at the events of a server before its listeners do. Listeners of our own would not do: they cannot hold an event
 * back, and the mere presence of one for `upgrade` or `checkContinue` changes what Node does.
 */
export function observe(server: AnyServer, observer: Observer): void {
  const { emit } = server as { readonly emit: Emit };
  const observed = (event: string | symbol, ...parameters: unknown[]): boolean => {
    switch (event) {
      case 'request':
      case 'checkContinue':
      case 'checkExpectation': {
        const [request, response] = parameters as [IncomingMessage, ServerResponse];
        const passage = observer.request(request, response);
        if (passage === 'now') break;
        // By then it is known whether more were pipelined behind it.
        if (passage === 'next turn') {
          setImmediate(() => {
            if (!request.destroyed) emit.call(server, event, ...parameters);
          });
        }
        return true;
      }
      case 'upgrade':
      case 'connect':
        observer.upgrade(...(parameters as [IncomingMessage, Socket]));
        break;
      case 'session':
        observer.session(...(parameters as [ServerHttp2Session]));
        break;
      case 'stream':
        observer.stream(parameters[0] as ServerHttp2Stream);
        break;
      case 'secureConnection':
        observer.secured(parameters[0] as TLSSocket, () => emit.call(server, event, ...parameters));
        return true;
    }
    return emit.call(server, event, ...parameters);
  };
  Object.defineProperty(server, 'emit', { value: observed, configurable: true, writable: true });
}

/**
 * Starts what Node starts when an HTTP server begins to listen: the look every 30 s for clients that send their request too
 * slowly (`headersTimeout`, `requestTimeout`). Without it those would stay for ever.
 */
export function startTimeouts(server: AnyServer): void {
  for (const listener of server.listeners('listening')) {
    if (listener.name === 'setupConnectionsTracking') listener.call(server);
  }
}

/**
 * Node refuses an `Expect` that it does not know without a word to anybody, and the request would not be seen here. With a
 * listener there is an event; what the program listens for itself goes before.
 */
export function refuseUnknownExpectations(server: AnyServer): void {
  // Before those of the program: a `once` of its own must count.
  server.prependListener('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    if (server.listenerCount('checkExpectation') === 1) response.writeHead(417).end();
  });
}
