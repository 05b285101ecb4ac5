import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ConfigurationError, Server, type ServerOptions, type State } from '../../src/index.js';
import { STATES } from '../../src/lifecycle.js';
import { readProgram } from '../../src/process/program.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import {
  ask,
  client,
  KeptLog,
  nextChunk,
  rejection,
  serving,
  TestServer,
  temporaryDirectory,
  within,
} from '../support/in-process.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();

/** Every state a server enters from now on, with the one it left. */
function journey(server: Server): string[] {
  const steps: string[] = [];
  for (const state of STATES) server.on(state, (from: State) => steps.push(`${from} → ${state}`));
  return steps;
}

class HookedServer extends TestServer {
  readonly calls: string[] = [];
  override async onDrain(): Promise<void> {
    this.calls.push(`onDrain ${this.state}`);
  }
  override async onResume(): Promise<void> {
    this.calls.push(`onResume ${this.state}`);
  }
  override async onStop(): Promise<void> {
    this.calls.push(`onStop ${this.state} ${this.activeConnections}`);
  }
}

describe('configuration is one thing', () => {
  const options: ServerOptions = { bind: 'tcp://127.0.0.1:0?name=only', logger: new KeptLog() };
  class IdleServer extends Server {
    override handleRequest(): void {
      // Nobody connects.
    }
  }
  test.each<[string, () => Server]>([
    ['as an object of the constructor', () => new IdleServer(options)],
    ['as an object', () => new IdleServer().configure(options)],
    [
      'by a function',
      () =>
        new IdleServer().configure((draft) => {
          Object.assign(draft, options);
        }),
    ],
    [
      'and later values replace earlier ones',
      () => new IdleServer({ ...options, bind: 'tcp://127.0.0.1:1' }).configure({ bind: options.bind ?? '' }),
    ],
  ])('%s', async (_, make) => {
    const server = make();
    await server.start();
    expect(server.boundListeners).toMatchObject([{ name: 'only', kind: 'tcp', address: '127.0.0.1' }]);
    await server.stop();
  });

  test('a function sees what was configured before', () => {
    const server = new Server({ bind: 'tcp://127.0.0.1:1', maxConnections: 3 });
    let seen: ServerOptions = {};
    server.configure((draft) => {
      seen = { ...draft };
    });
    expect(seen).toEqual({ bind: 'tcp://127.0.0.1:1', maxConnections: 3 });
  });

  test('what is wrong is said by start, all at once, and can be put right', async () => {
    const server = new TestServer(undefined, { bind: 'udp://x', maxConnections: -1 });
    const error = await rejection(server.start());
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toHaveProperty('problems.length', 2);
    expect(server.state).toBe('idle');
    server.configure({ bind: 'tcp://127.0.0.1:0', maxConnections: 1 });
    await server.start();
    expect(server.state).toBe('serving');
  });
});

test('a life passes through its states in order, and each is an event', async () => {
  const server = new TestServer();
  const steps = journey(server);
  expect(server.generation).toBe(0);
  await server.start();
  expect(server.generation).toBe(1);
  const stopping = server.stop();
  await server.stopped;
  await stopping;
  expect(steps).toEqual([
    'idle → starting',
    'starting → serving',
    'serving → stopping',
    'stopping → stopped',
  ]);
});

test('both sides of a hand-over pass through their states in order', requirement('addon'), async () => {
  const controlPath = join(temporaryDirectory(), 'control');
  const first = new HookedServer(undefined, { controlPath });
  const second = new HookedServer(undefined, { controlPath });
  const [old, young] = [journey(first), journey(second)];
  await first.start();
  const port = first.port();
  await second.start();
  await within(first.stopped, 'the old one to leave');
  expect(old.slice(2)).toEqual([
    'serving → handing-over',
    'handing-over → draining',
    'draining → standing-by',
    'standing-by → stopping',
    'stopping → stopped',
  ]);
  expect(young).toEqual(['idle → starting', 'starting → taking-over', 'taking-over → serving']);
  expect([first.generation, second.generation]).toEqual([1, 2]);
  expect(second.port()).toBe(port);
  expect(first.calls).toEqual(['onDrain draining', 'onStop stopping 0']);
  expect(await ask(second, 'hello')).toBe('hello');
});

test('stop waits for the last connection, and joins a stop under way', async () => {
  const server = new HookedServer((socket) => {
    socket.on('data', (chunk) => socket.write(chunk));
  });
  await server.start();
  const socket = await client(server);
  socket.write('one');
  await nextChunk(socket);
  let done = 0;
  const stops = [server.stop(), server.stop(), server.stopped].map((stop) => stop.then(() => (done += 1)));
  await within(once(server, 'stopping'), 'stopping');
  expect(done).toBe(0);
  socket.write('two');
  expect(await nextChunk(socket)).toBe('two');
  expect(server.calls).toEqual(['onDrain stopping']);
  socket.end();
  await within(Promise.all(stops), 'stop');
  expect(server.calls).toEqual(['onDrain stopping', 'onStop stopping 0']);
  await server.stop();
});

test('a stop before the start does nothing', async () => {
  const server = new TestServer();
  await server.stop();
  expect(server.state).toBe('idle');
  await server.start();
  expect(server.state).toBe('serving');
});

test('a stop during the start makes the start reject and leaves nothing', async () => {
  const directory = temporaryDirectory();
  class SlowServer extends TestServer {
    override warmUp(): Promise<void> {
      return new Promise(() => undefined);
    }
  }
  const server = new SlowServer(undefined, {
    bind: [`unix://${directory}/socket`],
    pidfilePath: join(directory, 'pid'),
  });
  const start = rejection(server.start());
  await server.stop();
  expect(await start).toMatchObject({ code: 'UNINTERRUPTIBLE_STOPPED' });
  expect(server.state).toBe('stopped');
  expect(existsSync(join(directory, 'socket'))).toBe(false);
  expect(existsSync(join(directory, 'pid'))).toBe(false);
});

test('a start that fails says why, and the server has stopped', async () => {
  const other = await serving();
  const server = new TestServer(undefined, { bind: `tcp://127.0.0.1:${other.port()}` });
  const steps = journey(server);
  expect(await rejection(server.start())).toMatchObject({ code: 'UNINTERRUPTIBLE_LISTENER_ADDRESS_IN_USE' });
  await server.stopped;
  expect(steps).toEqual(['idle → starting', 'starting → stopped']);
  expect(server.log.of('could not start')).toHaveLength(1);
});

test('an event listener that throws is logged and stops nothing', requirement('addon'), async () => {
  const controlPath = join(temporaryDirectory(), 'control');
  const servers = [1, 2].map(() => {
    const server = new TestServer(undefined, { controlPath });
    for (const state of STATES) {
      server.on(state, () => {
        throw new Error(`no ${state}`);
      });
    }
    return server;
  });
  const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
  onTestFinished(() => warn.mockRestore());
  for (const server of servers) await server.start();
  const [first, second] = servers as [TestServer, TestServer];
  expect(warn.mock.calls.map(String)).toEqual(['Error: no starting', 'Error: no starting']);
  await within(first.stopped, 'the old one to leave');
  expect(await ask(second, 'hello')).toBe('hello');
  await second.stop();
  expect(first.log.of('an event listener threw').map(({ facts }) => String(facts['err']))).toEqual(
    ['serving', 'handing-over', 'draining', 'standing-by', 'stopping', 'stopped'].map(
      (state) => `Error: no ${state}`,
    ),
  );
});

test('a hook that fails is logged and stops nothing', async () => {
  class FailingServer extends TestServer {
    override onDrain(): void {
      throw new Error('no onDrain');
    }
    override onStop(): Promise<void> {
      return Promise.reject(new Error('no onStop'));
    }
  }
  const server = new FailingServer();
  await server.start();
  await server.stop();
  expect(server.log.of('a hook failed').map(({ facts }) => String(facts['err']))).toEqual([
    'Error: no onDrain',
    'Error: no onStop',
  ]);
});

test('status is plain data about everything', requirement('addon'), async () => {
  const directory = temporaryDirectory();
  const controlPath = join(directory, 'control');
  const before = Date.now();
  const server = await serving(undefined, {
    controlPath,
    bind: ['tcp://127.0.0.1:0?name=api', `unix://${directory}/socket`],
    pidfilePath: join(directory, 'pid'),
  });
  await ask(server, 'hello');
  const socket = await client(server);
  socket.write('here');
  await nextChunk(socket);
  const status = server.status();
  expect(JSON.parse(JSON.stringify(status))).toEqual(status);
  expect(status).toEqual({
    state: 'serving',
    pid: process.pid,
    generation: 1,
    program: readProgram(process.argv[1]),
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    node: process.version,
    ownerSince: expect.any(Number),
    lastHandover: null,
    startedAt: expect.any(Number),
    startCommand: null,
    rollbackWindow: 0,
    readyTimeout: 60_000,
    pidfilePath: join(directory, 'pid'),
    controlPath,
    listeners: [
      {
        name: 'api',
        kind: 'tcp',
        bound: `tcp://127.0.0.1:${server.port()}`,
        address: '127.0.0.1',
        port: server.port(),
        accepting: true,
      },
      {
        name: `unix://${directory}/socket`,
        kind: 'unix',
        bound: `unix://${directory}/socket`,
        address: `${directory}/socket`,
        port: 0,
        accepting: true,
      },
    ],
    connections: { active: 1, busy: 1, idle: 0, total: 2 },
    requests: null,
    draining: [],
    restarting: null,
    restartQueued: false,
  });
  expect(status.ownerSince).toBeGreaterThanOrEqual(before);
  expect(readFileSync(join(directory, 'pid'), 'utf8')).toBe(`${process.pid}\n`);
});

test('the owner knows who drains', requirement('addon'), async () => {
  const controlPath = join(temporaryDirectory(), 'control');
  const first = await serving((socket) => socket.pipe(socket), { controlPath });
  const socket = await client(first);
  socket.write('here');
  await nextChunk(socket);
  const second = await serving(undefined, { controlPath });
  await second.log.entry('serving');
  await expect
    .poll(() => second.status().draining)
    .toEqual([
      {
        pid: process.pid,
        generation: 1,
        connections: 1,
        busy: 1,
        requests: null,
        canServeAgain: true,
        rollbackUntil: null,
        deadline: null,
      },
    ]);
  expect(second.status().lastHandover).toMatchObject({ outcome: 'done', pid: process.pid, error: null });
  socket.end();
  await within(first.stopped, 'the old one to leave');
  await expect.poll(() => second.status().draining).toEqual([]);
});
