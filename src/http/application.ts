/** What a program may give to an HTTP server. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import https from 'node:https';
import { Server as AnyServer } from 'node:net';

/** Answers a request. If it returns a promise, a rejection costs this request and nothing else. */
export type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A server of Node's that was made and never told to listen. */
export type NodeServer = http.Server | https.Server | Http2Server | Http2SecureServer;

/** A framework that has a server of Node's, needs time to get ready, and wants to be closed: Fastify. */
export interface Framework {
  /** It does not listen. */
  readonly server: NodeServer;
  /** Called before anybody is served. */
  ready(): PromiseLike<unknown>;
  /** Called when nobody is left. */
  close(): PromiseLike<unknown>;
}

/** A framework that makes a request listener: Koa. */
export interface ListenerMaker {
  /** The listener. */
  callback(): Listener;
}

/**
 * A request listener (a plain function, Express, Connect), a framework (Fastify, Koa), or a server of Node's (`http`, `https`,
 * `http2`) that does not listen.
 */
export type Application = Listener | NodeServer | Framework | ListenerMaker;

export function isApplication(value: unknown): value is Application {
  return (
    typeof value === 'function' || value instanceof AnyServer || isFramework(value) || isListenerMaker(value)
  );
}

export function isFramework(value: unknown): value is Framework {
  const { server, ready, close } = (value ?? {}) as Partial<Framework>;
  return server instanceof AnyServer && typeof ready === 'function' && typeof close === 'function';
}

function isListenerMaker(value: unknown): value is ListenerMaker {
  return typeof (value as Partial<ListenerMaker> | null | undefined)?.callback === 'function';
}

/** What answers for an application. Throws a TypeError for a server that cannot. */
export function serverOrListener(application: Application): AnyServer | Listener {
  if (typeof application === 'function') return application;
  if (application instanceof AnyServer) return checked(application);
  return isFramework(application) ? checked(application.server) : application.callback();
}

function checked(server: AnyServer): AnyServer {
  const isHttp = server instanceof http.Server || server instanceof https.Server;
  // node:http2 does not export its classes.
  const isHttp2 = ['Http2Server', 'Http2SecureServer'].includes(server.constructor.name);
  if (!isHttp && !isHttp2) throw new TypeError('HttpServer takes a server of node:http, https or http2.');
  if (!server.listening) return server;
  throw new TypeError(
    'HttpServer takes a server that does not listen: leave listen() out and give the address as bind.',
  );
}
