import { once } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { ConnectionContext, ListenerInfo } from '../../src/index.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import {
  ask,
  client,
  closed,
  echo,
  nextChunk,
  serving,
  TestServer,
  temporaryDirectory,
  until,
  within,
} from '../support/in-process.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();

test('a connection is counted when acceptClientConnection is called', async () => {
  const counts: number[] = [];
  class CountingServer extends TestServer {
    override acceptClientConnection(socket: Socket, listener: ListenerInfo): void | Promise<void> {
      counts.push(this.activeConnections);
      return super.acceptClientConnection(socket, listener);
    }
  }
  const server = new CountingServer();
  await server.start();
  const first = await client(server);
  first.write('here');
  await nextChunk(first);
  await ask(server, 'hello');
  expect(counts).toEqual([1, 2]);
});

describe('an acceptClientConnection', () => {
  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('full'))],
  ])('that %s destroys this connection and nothing else', async (_, refuse) => {
    let refusing = true;
    class RefusingServer extends TestServer {
      override acceptClientConnection(socket: Socket, listener: ListenerInfo): void | Promise<void> {
        if (refusing) return refuse() as Promise<void>;
        return super.acceptClientConnection(socket, listener);
      }
    }
    const server = new RefusingServer();
    await server.start();
    const errors: unknown[] = [];
    server.on('handlerError', (error) => errors.push(error));
    await closed(await client(server));
    await until(() => server.activeConnections === 0, 'the connection to be closed');
    expect(errors).toMatchObject([{ message: 'full' }]);
    expect(server.log.of('handler failed')).toHaveLength(1);
    refusing = false;
    expect(await ask(server, 'hello')).toBe('hello');
  });

  test('may put the connection in a queue and return anything', async () => {
    const queue: Socket[] = [];
    class QueueingServer extends TestServer {
      override acceptClientConnection(socket: Socket): void {
        // What JavaScript returns without being asked: a number.
        return queue.push(socket) as unknown as undefined;
      }
      next(): void {
        const socket = queue.shift();
        if (socket !== undefined) void this.processRequest(socket);
      }
    }
    const server = new QueueingServer();
    await server.start();
    const sockets = [await client(server), await client(server)] as const;
    for (const socket of sockets) socket.write('waited');
    await until(() => queue.length === 2, 'two connections');
    expect(server.activeConnections).toBe(2);
    server.next();
    expect(await nextChunk(sockets[0])).toBe('waited');
    server.next();
    expect(await nextChunk(sockets[1])).toBe('waited');
    expect(server.log.of('handler failed')).toEqual([]);
  });

  test('that queues a client which leaves meanwhile does not bother handleRequest with it', async () => {
    const queue: Socket[] = [];
    let handled = 0;
    class QueueingServer extends TestServer {
      override acceptClientConnection(socket: Socket): void {
        queue.push(socket);
      }
      override async processRequest(socket: Socket): Promise<void> {
        await super.processRequest(socket);
      }
    }
    const server = new QueueingServer(() => {
      handled += 1;
    });
    await server.start();
    const socket = await client(server);
    await until(() => queue.length === 1, 'a connection');
    socket.resetAndDestroy();
    await until(() => server.activeConnections === 0, 'the connection to be closed');
    await server.processRequest(queue[0]!);
    expect(handled).toBe(0);
  });

  test('processRequest takes only sockets it was given', async () => {
    class StrayServer extends TestServer {
      stray(socket: Socket): Promise<void> {
        return this.processRequest(socket);
      }
    }
    const server = new StrayServer();
    await server.start();
    const refusal = 'processRequest() takes a socket that acceptClientConnection() was given.';
    await expect(server.stray(await client(server))).rejects.toThrow(refusal);
    const accepted: Socket[] = [];
    const other = await serving((socket) => {
      accepted.push(socket);
    });
    await client(other);
    await until(() => accepted.length === 1, 'a connection of another server');
    await expect(server.stray(accepted[0]!)).rejects.toThrow(refusal);
  });
});

describe('the context of a connection', () => {
  test('says where it came in, and bears a number of its own', async () => {
    const contexts: ConnectionContext[] = [];
    const server = await serving(
      async (_socket, context) => {
        contexts.push(context);
      },
      { bind: ['tcp://127.0.0.1:0?name=one', 'tcp://127.0.0.1:0?name=two'] },
    );
    for (const name of ['one', 'two', 'one']) {
      await ask({ port: server.port(name), host: '127.0.0.1' }, '');
    }
    const listener = (name: string) => ({
      name,
      kind: 'tcp',
      bound: `tcp://127.0.0.1:${server.port(name)}`,
      address: '127.0.0.1',
      port: server.port(name),
    });
    expect(contexts.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(contexts[0]).toMatchObject({ generation: 1, probe: false, listener: listener('one') });
    expect(contexts[1]?.listener).toEqual(listener('two'));
    expect(contexts[2]?.listener).toBe(contexts[0]?.listener);
  });

  test('bears the generation that accepted it', requirement('addon'), async () => {
    const controlPath = join(temporaryDirectory(), 'control');
    const tell = async (socket: Socket, { generation }: ConnectionContext): Promise<void> => {
      await echo(socket);
      socket.write(` ${generation}`);
    };
    const first = await serving(tell, { controlPath });
    const early = await client(first);
    early.write('early');
    await nextChunk(early);
    const second = await serving(tell, { controlPath });
    expect(await ask(second, 'late')).toBe('late 2');
    early.end();
    expect(await nextChunk(early)).toBe(' 1');
  });

  test('makes its signal only when asked', async () => {
    const controllers = vi.fn();
    vi.stubGlobal(
      'AbortController',
      class extends AbortController {
        constructor() {
          super();
          controllers();
        }
      },
    );
    try {
      const server = await serving(async (socket, context) => {
        for await (const chunk of socket) if (String(chunk) === 'ask') context.signal.throwIfAborted();
      });
      controllers.mockClear();
      await ask(server, 'do not');
      expect(controllers).not.toHaveBeenCalled();
      await ask(server, 'ask');
      expect(controllers).toHaveBeenCalledOnce();
    } finally {
      vi.unstubAllGlobals();
    }
  });

  test('has a signal that is aborted when the connection closes', async () => {
    const signals: AbortSignal[] = [];
    const server = await serving((socket, context) => {
      signals.push(context.signal);
      socket.write('here');
    });
    const socket = await client(server);
    await nextChunk(socket);
    expect(signals[0]?.aborted).toBe(false);
    const aborted = once(signals[0]!, 'abort');
    socket.destroy();
    await within(aborted, 'abort');
    expect(signals[0]?.reason).toMatchObject({ code: 'UNINTERRUPTIBLE_CONNECTION_CLOSED' });
  });

  test.each([
    ['a final stop', (server: TestServer) => void server.stop()],
    ['a hand-over', (server: TestServer) => void serving(echo, { controlPath: server.status().controlPath })],
  ])('has a signal that is aborted when %s begins to drain', requirement('addon'), async (_, leave) => {
    const server = await serving(
      async (socket, { signal }) => {
        socket.write('here');
        if (!signal.aborted) await once(signal, 'abort');
        socket.write((signal.reason as { code: string }).code);
      },
      { controlPath: join(temporaryDirectory(), 'control') },
    );
    const socket = await client(server);
    await nextChunk(socket);
    leave(server);
    expect(await nextChunk(socket)).toBe('UNINTERRUPTIBLE_DRAINING');
  });
});
