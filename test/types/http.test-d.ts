/** `uninterruptible/http`: what may be given as an application, and what comes of it. */
import type http from 'node:http';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import type http2 from 'node:http2';
import type https from 'node:https';
import type net from 'node:net';
import type { Server, ServerOptions } from 'uninterruptible';
import type { HttpServer } from 'uninterruptible/http';
import {
  type Application,
  type CloseWebSocketsOptions,
  closeWebSockets,
  type Framework,
  type HttpServerOptions,
  type Listener,
  type ListenerMaker,
  type NodeServer,
  serve,
  type WebSocketLike,
} from 'uninterruptible/http';
import { describe, expectTypeOf, test } from 'vitest';
import type { WebSocket } from 'ws';

describe('an application', () => {
  test('is a listener, synchronous or not', () => {
    expectTypeOf<(request: IncomingMessage, response: ServerResponse) => void>().toExtend<Listener>();
    expectTypeOf<
      (request: IncomingMessage, response: ServerResponse) => Promise<void>
    >().toExtend<Listener>();
    expectTypeOf<() => void>().toExtend<Application>();
    expectTypeOf<Listener>().toExtend<Application>();
    expectTypeOf<string>().not.toExtend<Application>();
  });

  test('is a server of Node’s, of any protocol that speaks HTTP', () => {
    expectTypeOf<http.Server | https.Server>().toExtend<NodeServer>();
    expectTypeOf<http2.Http2Server | http2.Http2SecureServer>().toExtend<NodeServer>();
    expectTypeOf<NodeServer>().toExtend<Application>();
    expectTypeOf<net.Server>().not.toExtend<NodeServer>();
  });

  test('is a framework: one with a server of its own, or one that makes a listener', () => {
    expectTypeOf<{
      server: http.Server;
      ready(): Promise<void>;
      close(): Promise<void>;
    }>().toExtend<Framework>();
    expectTypeOf<{ callback(): Listener }>().toExtend<ListenerMaker>();
    expectTypeOf<Framework | ListenerMaker>().toExtend<Application>();
    expectTypeOf<{ server: http.Server }>().not.toExtend<Application>();
  });
});

test('serve resolves with the server', () => {
  expectTypeOf(serve).parameters.toEqualTypeOf<[Application, HttpServerOptions]>();
  expectTypeOf(serve).returns.resolves.toEqualTypeOf<HttpServer>();
  expectTypeOf<HttpServer>().toExtend<Server>();
});

test('its options are those of every server, and its own', () => {
  expectTypeOf<ServerOptions>().toExtend<HttpServerOptions>();
  expectTypeOf<{
    readiness: string;
    http2: boolean;
    httpOptions: { keepAliveTimeout: number };
  }>().toExtend<HttpServerOptions>();
  expectTypeOf<HttpServerOptions>().not.toEqualTypeOf<ServerOptions>();
});

test('WebSockets are closed as far as they can be closed', () => {
  expectTypeOf<WebSocket>().toExtend<WebSocketLike>();
  expectTypeOf<Set<WebSocket>>().toExtend<Parameters<typeof closeWebSockets>[0]>();
  expectTypeOf(closeWebSockets).parameter(1).toEqualTypeOf<CloseWebSocketsOptions | undefined>();
  expectTypeOf(closeWebSockets).returns.resolves.toBeVoid();
});
