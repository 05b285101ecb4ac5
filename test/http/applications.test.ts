import { EventEmitter } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, Http2ServerResponse } from 'node:http2';
import { createServer as createNetServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type Application, HttpServer, type Listener } from '../../src/http.js';
import { Server } from '../../src/index.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import {
  conversation,
  http2Client,
  ProbedHttpServer,
  servingHttp,
  TestHttpServer,
  tell,
} from '../support/http.js';
import { rejection } from '../support/in-process.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();

/** What Express makes: a function with much else on it, which is given requests and called with `this` or not. */
function likeExpress(): Listener {
  return Object.assign((request: IncomingMessage, response: ServerResponse) => tell(request, response), {
    callback: undefined,
    handle: tell,
    listen: () => {
      throw new Error('must not be called');
    },
  });
}

class LikeKoa extends EventEmitter {
  callback(): Listener {
    return (request, response) => tell(request, response);
  }
}

class LikeFastify {
  readonly calls: string[] = [];
  readonly server = createServer((request, response) => void tell(request, response));
  async ready(): Promise<void> {
    this.calls.push('ready');
  }
  async close(): Promise<void> {
    this.calls.push('close');
  }
}

describe('an application may be', () => {
  test.each<[string, () => Application]>([
    ['a request listener', () => tell],
    ['what Express makes', likeExpress],
    ['what Koa makes', () => new LikeKoa()],
    ['what Fastify makes', () => new LikeFastify()],
    ['a server of node:http', () => createServer((request, response) => void tell(request, response))],
  ])('%s', async (_, make) => {
    const server = await servingHttp(make());
    const talk = await conversation(server);
    expect(await talk.get('/a').answer()).toMatchObject({ status: 200, body: 'GET /a 0' });
    expect(await talk.post('/b', 'body').answer()).toMatchObject({ status: 200, body: 'POST /b 4' });
    expect(server.status()).toMatchObject({ connections: { total: 1 }, requests: { active: 0, total: 2 } });
  });

  test('a server of node:http2', async () => {
    const own = createHttp2Server((request, response) => {
      expect(response).toBeInstanceOf(Http2ServerResponse);
      response.end(request.url);
    });
    const server = await servingHttp(own);
    const session = http2Client(`http://127.0.0.1:${server.port}`);
    expect(await session.ask('/two')).toMatchObject({ status: 200, body: '/two' });
    expect(server.status()).toMatchObject({ connections: { idle: 1 }, requests: { active: 0, total: 1 } });
  });

  test('a subclass that implements handleHttpRequest', async () => {
    class Hello extends TestHttpServer {
      override handleHttpRequest(request: IncomingMessage, response: ServerResponse): void {
        response.end(`hello ${request.url}, ${this.state}`);
      }
    }
    const server = new Hello();
    await server.start();
    expect(await (await conversation(server)).get('/').answer()).toMatchObject({ body: 'hello /, serving' });
  });
});

test('a framework is ready before anybody is served, and closed when nobody is left', async () => {
  const framework = new LikeFastify();
  class Hooked extends TestHttpServer {
    override warmUp(): void {
      framework.calls.push(`warmUp ${this.activeConnections}`);
    }
    override onStop(): void {
      framework.calls.push(`onStop ${this.activeConnections}`);
    }
  }
  const server = new Hooked(framework);
  await server.start();
  expect(framework.calls).toEqual(['ready', 'warmUp 0']);
  await (await conversation(server)).get('/', 'Connection: close\r\n').answer();
  await server.stop();
  expect(framework.calls).toEqual(['ready', 'warmUp 0', 'onStop 0', 'close']);
});

test('a framework that does not get ready fails the start', async () => {
  const framework = new LikeFastify();
  framework.ready = () => Promise.reject(new Error('no database'));
  const server = new TestHttpServer(framework);
  expect(await rejection(server.start())).toMatchObject({
    code: 'UNINTERRUPTIBLE_WARM_UP_FAILED',
    message: 'warmUp() failed: no database',
  });
});

test("two servers with one server of Node's each count their own requests", async () => {
  const own = createServer((request, response) => void tell(request, response));
  const servers = [await servingHttp(own), await servingHttp(own)] as const;
  for (const server of servers) {
    const talk = await conversation(server);
    expect(await talk.get('/').answer()).toMatchObject({ status: 200 });
  }
  for (const server of servers) {
    expect(server.status()).toMatchObject({ requests: { active: 0, total: 1 } });
  }
});

test('a request that the program emits itself, without a socket, gets to its listener', async () => {
  const heard: unknown[] = [];
  const own = createServer((request) => heard.push(request.url));
  const server = await servingHttp(own);
  // What a program calls a request may be none.
  (own as EventEmitter).emit('request', { url: '/mock' }, {});
  expect(heard).toEqual(['/mock']);
  expect(server.status().requests).toEqual({ active: 0, total: 0 });
});

test('it is a Server: events, hooks and the allow-list are the same', async () => {
  const server = await servingHttp(tell, { allowedNetworks: ['10.0.0.0/8'] });
  expect(server).toBeInstanceOf(Server);
  const talk = await conversation(server);
  await talk.end().catch(() => undefined);
  expect(await server.log.entry('connection refused')).toMatchObject({
    facts: { err: { code: 'UNINTERRUPTIBLE_CONNECTION_ADDRESS_REFUSED' } },
  });
  expect(server.status().requests).toEqual({ active: 0, total: 0 });
});

describe('refused at once is', () => {
  test('a server that listens', async () => {
    const own = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => own.once('listening', resolve));
    expect(() => new HttpServer(own)).toThrow(/does not listen: leave listen\(\) out/);
    await new Promise((resolve) => own.close(resolve));
  });

  test('a server that does not speak HTTP', () => {
    expect(() => new HttpServer(createNetServer() as never)).toThrow(
      'HttpServer takes a server of node:http, https or http2.',
    );
  });

  test('configuration that is none', () => {
    expect(() => new HttpServer(3 as never)).toThrow(/configure/);
  });
});

describe('the probe', { ...requirement('addon') }, () => {
  test.each<[string, () => Application]>([
    ['a request listener', () => tell],
    ['a server of node:http', () => createServer((request, response) => void tell(request, response))],
  ])('speaks HTTP with %s before it may be ready, and is no connection of a client', async (_, make) => {
    const server = new ProbedHttpServer(make(), { allowedNetworks: ['10.0.0.0/8'] });
    await server.start();
    expect(server.heard).toMatch(/^HTTP\/1.1 200[^]*GET \/probe 0/);
    expect(server.status().connections.total).toBe(0);
  });
});
