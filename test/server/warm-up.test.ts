import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Connect, ConnectionContext, ServerOptions, UninterruptibleError } from '../../src/index.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import {
  ask,
  closed,
  destroyedAtEnd,
  echo,
  nextChunk,
  received,
  rejection,
  serving,
  TestServer,
  temporaryDirectory,
  until,
  within,
} from '../support/in-process.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();

/** A server whose hooks are functions. */
class HookedServer extends TestServer {
  readonly #hooks: { warmUp?: () => Promise<void>; probe?: (connect: Connect) => Promise<void> };

  constructor(
    hooks: { warmUp?: () => Promise<void>; probe?: (connect: Connect) => Promise<void> },
    options: ServerOptions = {},
    handler: (socket: Socket, context: ConnectionContext) => unknown = echo,
  ) {
    super(handler, options);
    this.#hooks = hooks;
  }

  override async warmUp(): Promise<void> {
    await this.#hooks.warmUp?.();
  }

  override async probe(open: Connect): Promise<void> {
    await this.#hooks.probe?.(open);
  }
}

/** Asks through the probe's own connection. */
async function askOver(socket: Socket, text: string): Promise<string> {
  socket.end(text);
  return received(socket);
}

test('warmUp, probe and accepting come in this order', requirement('addon'), async () => {
  const steps: string[] = [];
  let early: Socket | undefined;
  const server: HookedServer = new HookedServer(
    {
      warmUp: async () => {
        // Bound, but not accepting: who connects now waits in the kernel's queue.
        early = connect(server.port(), '127.0.0.1');
        destroyedAtEnd(early);
        await once(early, 'connect');
        early.end('early');
        steps.push(`warmUp ${server.state}`);
      },
      probe: async (open) => {
        expect(await askOver(open(), 'hello')).toBe('hello');
        steps.push(`probe ${server.state}`);
      },
    },
    {},
    async (socket, { probe }) => {
      if (!probe) steps.push(`client ${server.state}`);
      await echo(socket);
    },
  );
  server.on('serving', (from) => steps.push(`serving from ${from}`));
  await server.start();
  expect(await received(early!)).toBe('early');
  expect(steps).toEqual(['warmUp starting', 'probe starting', 'serving from starting', 'client serving']);
});

describe.each([
  ['warmUp', 'UNINTERRUPTIBLE_WARM_UP_FAILED', 'warmUp() failed: the cache is cold'],
  ['probe', 'UNINTERRUPTIBLE_PROBE_FAILED', 'probe() failed: the cache is cold'],
] as const)('a rejection of %s', { ...requirement('addon') }, (hook, code, message) => {
  const cause = new Error('the cache is cold');
  const failing = { [hook]: () => Promise.reject(cause) };

  test('fails a cold start with a code of its own', async () => {
    const server = new HookedServer(failing);
    const error = await rejection(server.start());
    expect(error).toMatchObject({ code, message, cause });
    expect(server.state).toBe('stopped');
  });

  test('fails a hand-over, and the old generation serves on', async () => {
    const controlPath = join(temporaryDirectory(), 'control');
    const first = await serving(echo, { controlPath });
    const told = once(first, 'handoverError') as Promise<[UninterruptibleError]>;
    const second = new HookedServer(failing, { controlPath });
    expect(await rejection(second.start())).toMatchObject({ code, message, cause });
    const [error] = await within(told, 'handoverError');
    expect(error.message).toBe(message);
    expect(error.details).toMatchObject({ code, stack: expect.stringContaining('the cache is cold') });
    expect(first.state).toBe('serving');
    expect(await ask(first, 'hello')).toBe('hello');
  });
});

describe('the probe', { ...requirement('addon') }, () => {
  test('is told apart by identity, counted nowhere, and exempt from the allow-list', async () => {
    const contexts: ConnectionContext[] = [];
    const seen: unknown[] = [];
    const server: HookedServer = new HookedServer(
      {
        probe: async (open) => {
          expect(await askOver(open(), 'hello')).toBe('hello');
        },
      },
      { allowedNetworks: ['192.0.2.0/24'] },
      async (socket, context) => {
        contexts.push(context);
        seen.push([socket.remoteAddress, server.activeConnections]);
        await echo(socket);
      },
    );
    await server.start();
    expect(contexts).toMatchObject([{ probe: true, generation: 1, listener: { port: server.port() } }]);
    expect(seen).toEqual([[undefined, 0]]);
    expect(server.status().connections).toEqual({ active: 0, busy: 0, idle: 0, total: 0 });
    expect(await ask(server, 'stranger').catch((error: unknown) => (error as { code: string }).code)).toMatch(
      /^(ECONNRESET)?$/,
    );
    expect(contexts).toHaveLength(1);
  });

  test('goes to the listener it names, and through acceptClientConnection', async () => {
    const names: string[] = [];
    class NamingServer extends HookedServer {
      override acceptClientConnection(
        ...[socket, listener]: Parameters<TestServer['acceptClientConnection']>
      ): void | Promise<void> {
        names.push(listener.name);
        return super.acceptClientConnection(socket, listener);
      }
    }
    const server = new NamingServer(
      {
        probe: async (open) => {
          await askOver(open('two'), '');
          await askOver(open(), '');
        },
      },
      { bind: ['tcp://127.0.0.1:0?name=one', 'tcp://127.0.0.1:0?name=two'] },
    );
    await server.start();
    expect(names).toEqual(['two', 'one']);
  });

  test('of an unknown listener fails, and says which', async () => {
    const server = new HookedServer({ probe: async (open) => void open('three') });
    expect(await rejection(server.start())).toMatchObject({
      code: 'UNINTERRUPTIBLE_PROBE_FAILED',
      message: 'probe() failed: There is no listener named three.',
    });
  });

  test('leaves no connection open', async () => {
    const sides: Socket[] = [];
    const server = new HookedServer(
      {
        probe: async (open) => {
          const socket = open();
          sides.push(socket);
          socket.write('hello');
          await nextChunk(socket);
        },
      },
      {},
      (socket) => {
        sides.push(socket);
        socket.on('data', (chunk) => socket.write(chunk));
      },
    );
    await server.start();
    expect(sides).toHaveLength(2);
    await Promise.all(sides.map(closed));
  });

  test('that hangs ends when the server is stopped', async () => {
    let socket: Socket | undefined;
    const server = new HookedServer({
      probe: async (open) => {
        socket = open();
        await new Promise(() => undefined);
      },
    });
    const start = rejection(server.start());
    await until(() => socket !== undefined, 'the probe');
    await server.stop();
    expect(await start).toMatchObject({ code: 'UNINTERRUPTIBLE_STOPPED' });
    await closed(socket!);
  });
});
