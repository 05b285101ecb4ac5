/** Where no addon can be loaded: the package as it is installed there, with its binary hidden. */
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makePair } from '../support/certificates.js';
import { Conversation } from '../support/conversation.js';
import { Generations, type Version } from '../support/generations.js';
import { exitOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';
import { certificateDirectory, converse } from '../support/tls-clients.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FIXTURE = 'test/fixtures/server.mjs';

let copy: string;
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'without-addon-'));
  for (const name of ['package.json', 'dist', FIXTURE]) {
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

let generations: Generations;
beforeEach(() => {
  generations = new Generations();
});
afterEach(async () => generations.end());

function launch(version: Version): ReturnType<Generations['launch']> {
  generations.deploy(version);
  return generations.launch({ command: [process.execPath, join(copy, FIXTURE), generations.optionsPath] });
}

describe('without the addon', () => {
  test('a server serves and says in one line what it cannot', async () => {
    launch({ servers: [{ bind: 'tcp://127.0.0.1:0' }] });
    const { pid } = await generations.line('serving');
    expect(await generations.request('hello')).toBe(`hello ${pid}`);
    const warnings = generations.lines.filter(({ level }) => level > 30);
    expect(warnings.map(({ msg }) => msg)).toEqual([
      expect.stringMatching(/^serving without hand-overs: .*npx node-gyp rebuild --directory/),
    ]);
  });

  test('a server says that its service manager is not told, and that it has no use for its sockets', async () => {
    generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0' }] });
    const script = 'export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web; exec "$@"';
    generations.launch({
      command: ['sh', '-c', script, 'sh', process.execPath, join(copy, FIXTURE), generations.optionsPath],
      environment: { NOTIFY_SOCKET: '/run/nobody' },
    });
    await generations.line('serving');
    const { sockets } = await generations.line(
      'sockets of the service manager cannot be used where there are no hand-overs',
    );
    expect(sockets).toEqual(['web']);
    await generations.line('the service manager cannot be told of this process without the addon');
  });

  test(
    'a new version does not serve beside its predecessor, and leaves it its pid file',
    requirement('addon'),
    async () => {
      const pidfilePath = join(generations.directory, 'pid');
      const startCommand = [process.execPath, join(copy, FIXTURE), generations.optionsPath];
      generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', pidfilePath, startCommand }] });
      generations.launch();
      const { pid } = await generations.line('serving');
      process.kill(pid, 'SIGUSR1');
      const { err } = await generations.line('hand-over failed, serving on');
      expect(err).toMatchObject({ code: 'UNINTERRUPTIBLE_RESTART_EXITED' });
      expect(err?.details).toMatchObject({
        lastWords: expect.stringContaining('HANDOVER_UNAVAILABLE') as string,
      });
      expect(readFileSync(pidfilePath, 'utf8')).toBe(`${pid}\n`);
      expect(generations.alive()).toEqual([pid]);
    },
  );

  test('a restart fails with the command that builds the addon, and the server serves on', async () => {
    launch({ servers: [{ bind: 'tcp://127.0.0.1:0' }] });
    const { pid } = await generations.line('serving');
    process.kill(pid, 'SIGUSR1');
    const { err } = await generations.line('hand-over failed, serving on');
    expect(err).toMatchObject({
      code: 'UNINTERRUPTIBLE_HANDOVER_UNAVAILABLE',
      message: expect.stringContaining(`npx node-gyp rebuild --directory "${copy}/native"`),
      cause: { message: expect.stringContaining('No native build was found') },
    });
    expect(await generations.request('hello')).toBe(`hello ${pid}`);
    expect(JSON.parse(await generations.request('restart'))).toMatchObject({
      code: 'UNINTERRUPTIBLE_HANDOVER_UNAVAILABLE',
    });
  });

  test('a stop drains, removes what is ours and exits 0', async () => {
    const [path, pidfilePath] = ['socket', 'pid'].map((name) => join(generations.directory, name)) as [
      string,
      string,
    ];
    const bind = ['tcp://127.0.0.1:0', `unix://${path}?mode=0600`];
    const child = launch({ servers: [{ bind, pidfilePath }] });
    const { pid } = await generations.line('serving');
    expect(readFileSync(pidfilePath, 'utf8')).toBe(`${pid}\n`);
    expect(await generations.request('hello', { path })).toBe(`hello ${pid}`);
    const conversation = await Conversation.open(generations.port());
    process.kill(pid, 'SIGTERM');
    await generations.line('draining');
    expect(await conversation.ask('keep on')).toBe(`keep on ${pid}`);
    expect([existsSync(path), existsSync(pidfilePath)]).toEqual([false, false]);
    expect(await conversation.ask('last')).toBe(`last ${pid}`);
    expect(await exitOf(child)).toEqual({ code: 0, signal: null });
  });

  test('clients of a full server wait for their turn, one that leaves meanwhile harms nobody', async () => {
    launch({ servers: [{ bind: 'tcp://127.0.0.1:0', maxConnections: 1 }] });
    const { pid } = await generations.line('serving');
    const [held, impatient] = [1, 2].map(() => connect(generations.port(), '127.0.0.1'));
    held?.write('held\n');
    expect(String((await once(held!, 'data'))[0])).toBe(`held ${pid}\n`);
    impatient?.write('impatient\n', () => impatient.resetAndDestroy());
    await new Promise((resolve) => impatient?.once('close', resolve));
    const waiting = [generations.request('one'), generations.request('two')];
    held?.write('still here\n');
    expect(String((await once(held!, 'data'))[0])).toBe(`still here ${pid}\n`);
    held?.end();
    expect(await Promise.all(waiting)).toEqual([`one ${pid}`, `two ${pid}`]);
  });

  test.each([
    [
      'a port that is taken',
      'UNINTERRUPTIBLE_LISTENER_ADDRESS_IN_USE',
      (port: number) => `tcp://127.0.0.1:${port}`,
    ],
    ['an abstract name', 'UNINTERRUPTIBLE_LISTENER_UNSUPPORTED', () => 'unix:@without-addon'],
  ])('%s fails the start with a code', async (_, code, bind) => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    try {
      const child = launch({ servers: [{ bind: ['tcp://127.0.0.1:0', bind(port)] }] });
      expect((await exitOf(child)).code).toBe(1);
      expect((await generations.line('could not start')).err?.code).toBe(code);
    } finally {
      other.close();
    }
  });

  test('a failed warm-up fails the start', async () => {
    const child = launch({ servers: [{ bind: 'tcp://127.0.0.1:0' }], warmUp: 'reject' });
    expect((await exitOf(child)).code).toBe(1);
    expect((await generations.line('could not start')).err?.code).toBe('UNINTERRUPTIBLE_WARM_UP_FAILED');
  });

  test('a stop during the warm-up ends the process and leaves nothing', async () => {
    const path = join(generations.directory, 'socket');
    const child = launch({ servers: [{ bind: `unix://${path}` }], warmUp: 'hang' });
    await generations.until(() => existsSync(path), 'the listener');
    child.kill('SIGTERM');
    expect(await exitOf(child)).toEqual({ code: 0, signal: null });
    expect(existsSync(path)).toBe(false);
  });
});

describe('without the addon', requirement('openssl'), () => {
  const pair = makePair(certificateDirectory(), 'server');

  test('TLS and the allow-list work', async () => {
    const tls = { tlsKey: pair.key, tlsCertificate: pair.certificate };
    launch({ servers: [{ bind: 'tcp://127.0.0.1:0', allowedNetworks: ['127.0.0.1'], ...tls }] });
    const { pid } = await generations.line('serving');
    expect(await converse(generations.port(), 'hello\n')).toMatchObject({ answer: `hello ${pid}\n` });
    expect(await generations.request('hello')).not.toContain('hello');
  });
});
