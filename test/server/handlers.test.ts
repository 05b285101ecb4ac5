import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { ConnectionContext } from '../../src/index.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import {
  ask,
  client,
  closed,
  nextChunk,
  received,
  serving,
  TestServer,
  until,
} from '../support/in-process.js';

expectNoDescriptorLeak();

/** More than the socket buffers of both sides hold. */
const LARGE = 'x'.repeat(16 * 1024 * 1024);

test('what was written reaches the client before a connection ends whose promise has settled', async () => {
  const server = await serving(async (socket) => {
    socket.write(LARGE);
  });
  const socket = await client(server);
  expect((await received(socket)).length).toBe(LARGE.length);
  await closed(socket);
  await until(() => server.activeConnections === 0, 'the connection to be closed');
});

test.each<[string, (socket: Socket) => Promise<void>]>([
  [
    'was read to its end',
    async (socket) => {
      for await (const chunk of socket) socket.write(LARGE + String(chunk));
    },
  ],
  [
    'was left amid reading',
    async (socket) => {
      for await (const chunk of socket) {
        socket.write(LARGE + String(chunk));
        break;
      }
    },
  ],
])('so it does when the socket %s by `for await`', async (_, handler) => {
  const server = await serving(handler);
  expect((await ask(server, 'x')).length).toBe(LARGE.length + 1);
});

test('a client that ends its half first still gets its answer', async () => {
  const server = await serving(async (socket) => {
    for await (const line of createInterface({ input: socket })) socket.write(`${line}!`);
    // A socket that is not half-open would end its own half by then.
    await turn();
    socket.write(' late');
  });
  expect(await ask(server, 'hello\n')).toBe('hello! late');
});

test('a client that ends its half first gets its answer from a handler that returns nothing', async () => {
  const server = await serving((socket) => {
    socket.on('data', (chunk) => socket.write(`${String(chunk)}!`));
  });
  expect(await ask(server, 'hello')).toBe('hello!');
});

test('a handler that returns nothing keeps the connection until the socket closes', async () => {
  const server = await serving((socket) => {
    socket.on('data', (chunk) => socket.write(chunk));
  });
  const socket = await client(server);
  for (const word of ['one', 'two']) {
    socket.write(word);
    expect(await nextChunk(socket)).toBe(word);
  }
  expect(server.activeConnections).toBe(1);
  socket.end();
  await closed(socket);
  await until(() => server.activeConnections === 0, 'the connection to be closed');
});

test('a handler that returns nothing after the client has ended does not keep the connection', async () => {
  class LateServer extends TestServer {
    override async acceptClientConnection(socket: Parameters<TestServer['handleRequest']>[0]): Promise<void> {
      socket.resume();
      await once(socket, 'end');
      await this.processRequest(socket);
    }
  }
  const server = new LateServer((socket) => {
    socket.write('late');
  });
  await server.start();
  expect(await ask(server, 'hello')).toBe('late');
  await until(() => server.activeConnections === 0, 'the connection to be closed');
});

test.each<[string, () => object]>([
  [
    'cannot be asked whether it is a promise',
    () => ({
      get then(): never {
        throw new Error('odd');
      },
    }),
  ],
  [
    'throws when it is waited for',
    () => ({
      // biome-ignore lint/suspicious/noThenProperty: what is tested.
      then: (): never => {
        throw new Error('odd');
      },
    }),
  ],
])(
  'what a handler returns and %s costs its own connection, also where nobody waits for it',
  async (_, make) => {
    class QueueingServer extends TestServer {
      override acceptClientConnection(socket: Socket): void {
        setImmediate(() => void this.processRequest(socket));
      }
    }
    const server = new QueueingServer((socket) => {
      socket.on('data', () => undefined);
      return make();
    });
    await server.start();
    const errors: unknown[] = [];
    server.on('handlerError', (error) => errors.push(error));
    await closed(await client(server));
    await until(() => server.activeConnections === 0, 'the connection to be closed');
    expect(errors).toMatchObject([{ message: 'odd' }]);
  },
);

test('a settled promise ends the connection although the client goes on sending', async () => {
  const server = await serving(async (socket) => {
    await once(socket, 'readable');
    socket.write('enough');
  });
  const socket = await client(server);
  const sending = setInterval(() => socket.write('more'), 1);
  try {
    expect(await received(socket)).toBe('enough');
  } finally {
    clearInterval(sending);
  }
  socket.end();
  await until(() => server.activeConnections === 0, 'the connection to be closed');
});

test.each([
  [
    'throws',
    () => {
      throw new Error('on purpose');
    },
  ],
  [
    'rejects',
    async () => {
      await Promise.resolve();
      throw new Error('on purpose');
    },
  ],
  ['rejects at once', () => Promise.reject(new Error('on purpose'))],
  // oxlint-disable-next-line no-then-property
  [
    'returns a thenable that rejects',
    () => ({
      // biome-ignore lint/suspicious/noThenProperty: that is what is tested
      then: (_: unknown, reject: (error: Error) => void) => reject(new Error('on purpose')),
    }),
  ],
])('a handler that %s is logged and emitted, and the server serves on', async (_, misbehave) => {
  let calls = 0;
  const server = await serving((socket) => {
    calls += 1;
    if (calls > 1) return socket.end('fine');
    socket.write('begun');
    return misbehave();
  });
  const errors: [unknown, ConnectionContext][] = [];
  server.on('handlerError', (error, context) => errors.push([error, context]));
  expect(await ask(server, '')).toBe('begun');
  expect(errors).toHaveLength(1);
  expect(errors[0]?.[0]).toMatchObject({ message: 'on purpose' });
  expect(errors[0]?.[1]).toMatchObject({ id: 1, generation: 1, probe: false });
  expect(server.log.of('handler failed')).toMatchObject([
    { level: 'error', facts: { connection: 1, err: { message: 'on purpose' } } },
  ]);
  expect(await ask(server, '')).toBe('fine');
});

test('an async handler that only registers `data` listeners is warned of once', async () => {
  const server = await serving(async (socket) => {
    socket.on('data', () => undefined);
  });
  await ask(server, 'one');
  await ask(server, 'two');
  const warnings = server.log.entries.filter(({ level }) => level === 'warn');
  expect(warnings).toHaveLength(1);
  expect(warnings[0]?.message).toContain('Return nothing (drop `async`)');
});

test('an async handler that waits for something is not warned of', async () => {
  const server = await serving(async (socket) => {
    socket.on('data', (chunk) => socket.write(chunk));
    await once(socket, 'end');
  });
  expect(await ask(server, 'one')).toBe('one');
  expect(server.log.entries.filter(({ level }) => level === 'warn')).toEqual([]);
});

test('a client that resets raises nothing, whatever the handler listens to', async () => {
  const seen: unknown[] = [];
  const watch = (error: unknown): unknown => seen.push(error);
  process.on('uncaughtException', watch);
  try {
    const server = await serving((socket) => {
      socket.write('hello');
    });
    const socket = await client(server);
    await nextChunk(socket);
    socket.resetAndDestroy();
    await until(() => server.activeConnections === 0, 'the connection to be closed');
    expect(server.log.of('connection failed')).toMatchObject([{ level: 'debug', facts: { connection: 1 } }]);
    expect(await nextChunk(await client(server))).toBe('hello');
  } finally {
    process.off('uncaughtException', watch);
  }
  expect(seen).toEqual([]);
});

test('a connection ends whose handler only answers, although nobody has read what the client sent', async () => {
  const server = await serving((socket) => {
    socket.end('an answer');
  });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const socket = await client(server);
  socket.end('a question');
  expect(await received(socket)).toBe('an answer');
  expect(server.activeConnections).toBe(1);
  await vi.advanceTimersByTimeAsync(5_000);
  await vi.waitUntil(() => server.activeConnections === 0);
});
