import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run, type State } from '../../src/index.js';
import { STATES } from '../../src/lifecycle.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import {
  client,
  nextChunk,
  rejection,
  TestServer,
  temporaryDirectory,
  within,
} from '../support/in-process.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();

/** Keeps its connection until the client closes, whatever it is told. */
function keep(socket: Parameters<TestServer['handleRequest']>[0]): void {
  socket.on('data', (chunk) => socket.write(chunk));
}

/** A server whose start waits for the end of the test. */
class SlowServer extends TestServer {
  override warmUp(): Promise<void> {
    return new Promise(() => undefined);
  }
}

const reach: Record<State, () => Promise<TestServer>> = {
  idle: async () => new TestServer(keep),
  starting: async () => {
    const server = new SlowServer(keep);
    void server.start().catch(() => undefined);
    return server;
  },
  'taking-over': async () => (await exchange(SlowServer)).second,
  serving: async () => {
    const server = new TestServer(keep);
    await server.start();
    return server;
  },
  'handing-over': async () => (await exchange(SlowServer)).first,
  draining: async () => {
    const first = await withConnection();
    const second = new TestServer(keep, { controlPath: first.status().controlPath });
    await Promise.all([second.start(), within(once(first, 'draining'), 'draining')]);
    return first;
  },
  'standing-by': async () => {
    const { first } = await exchange(TestServer);
    if (first.state !== 'standing-by') await within(once(first, 'standing-by'), 'standing-by');
    return first;
  },
  stopping: async () => {
    const server = await withConnection();
    void server.stop();
    await within(once(server, 'stopping'), 'stopping');
    return server;
  },
  stopped: async () => {
    const server = new TestServer(keep);
    await server.start();
    await server.stop();
    return server;
  },
};

/** Two generations, the second amid its start if that is slow. */
async function exchange(Second: typeof TestServer): Promise<{ first: TestServer; second: TestServer }> {
  const controlPath = join(temporaryDirectory(), 'control');
  const first = new TestServer(keep, { controlPath, rollbackWindow: 60_000 });
  await first.start();
  const second = new Second(keep, { controlPath });
  const reached = Second === SlowServer ? once(second, 'taking-over') : once(second, 'serving');
  void second.start().catch(() => undefined);
  await within(reached, 'the second generation');
  return { first, second };
}

async function withConnection(): Promise<TestServer> {
  const server = new TestServer(keep, { controlPath: join(temporaryDirectory(), 'control') });
  await server.start();
  const socket = await client(server);
  socket.write('here');
  await nextChunk(socket);
  return server;
}

/** Every public method, and where it may be called. */
const methods: Record<string, { call: (server: TestServer) => unknown; legal: readonly State[] }> = {
  configure: { call: (server) => server.configure({}), legal: ['idle'] },
  start: { call: (server) => server.start(), legal: ['idle'] },
  'run()': { call: (server) => server.run(), legal: [] },
  'run(server)': { call: (server) => run(server), legal: [] },
  restart: { call: (server) => server.restart(), legal: ['serving', 'handing-over'] },
  status: { call: (server) => server.status(), legal: STATES.filter((state) => state !== 'idle') },
  stop: { call: (server) => server.stop(), legal: STATES },
};

describe.each(STATES)('of a server that is %s', { ...requirement('addon') }, (state) => {
  for (const [method, { call, legal }] of Object.entries(methods)) {
    if (method.startsWith('run') && state === 'idle') continue;
    if (legal.includes(state)) continue;
    test(`${method} is refused with STATE_INVALID and changes nothing`, async () => {
      const server = await reach[state]();
      expect(server.state).toBe(state);
      const error = await rejection((async () => call(server))());
      expect(error).toMatchObject({ code: 'UNINTERRUPTIBLE_STATE_INVALID' });
      expect(error.message).toMatch(
        new RegExp(`^${method.replace(/\(.*/, '')}\\(\\) cannot be called on a server that is ${state}\\.`),
      );
      expect(server.state).toBe(state);
    });
  }

  test('what may be asked is answered, and it stops', async () => {
    const server = await reach[state]();
    expect(server.state).toBe(state);
    expect(server.activeConnections).toBe(['draining', 'stopping'].includes(state) ? 1 : 0);
    expect(server.generation).toBe(
      ['idle', 'starting'].includes(state) ? 0 : state === 'taking-over' ? 2 : 1,
    );
    expect(Array.isArray(server.boundListeners)).toBe(true);
    if (state !== 'idle') expect(server.status()).toMatchObject({ state, pid: process.pid });
  });
});

test('restart says who is the owner when that is known', requirement('addon'), async () => {
  const server = await reach['standing-by']();
  const error = await rejection(server.restart());
  expect(error.message).toBe(
    `restart() cannot be called on a server that is standing-by. The owner is pid ${process.pid}.`,
  );
});
