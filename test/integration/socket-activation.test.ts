/** Socket activation: listening sockets that a service manager made, and keeps. */
import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { Generations } from '../support/generations.js';
import { MARK } from '../support/marked-processes.js';
import { exitOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const UNFIT = 'sockets of the service manager fit no listener and are closed';

let generations: Generations;
afterEach(async () => generations.end());

/** One that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

function prepare(bind: string[]): void {
  generations = new Generations();
  deploy(bind);
}

function deploy(bind: string[]): void {
  generations.deploy({ servers: [{ bind, controlPath: generations.controlPath }] });
}

type Socket = [name: string, family: string, type: string, address: unknown];

function activate(sockets: Socket[], ...command: string[]): ChildProcess {
  const server = [process.execPath, fixture('server.mjs'), generations.optionsPath];
  return generations.launch({
    command: [
      'python3',
      fixture('activate.py'),
      JSON.stringify(sockets),
      ...(command.length > 0 ? command : server),
    ],
  });
}

describe('a server that is passed its sockets', requirement('addon', 'proc', 'python3'), () => {
  test('serves on them, by address or by name, through restarts, and leaves them to whoever made them', async () => {
    const port = await freePort();
    prepare([]);
    const path = join(generations.directory, 'app.sock');
    const named = join(generations.directory, 'named.sock');
    const bind = [`tcp://0.0.0.0:${port}`, `unix://${path}?mode=0600`, 'unix:///nowhere/app.sock?name=admin'];
    deploy(bind);
    const manager = activate([
      ['echo.socket', 'AF_INET6', 'SOCK_STREAM', ['::', port]],
      ['echo.socket', 'AF_UNIX', 'SOCK_STREAM', path],
      ['admin', 'AF_UNIX', 'SOCK_STREAM', named],
      ['log', 'AF_UNIX', 'SOCK_DGRAM', join(generations.directory, 'log.sock')],
    ]);
    const serving = await generations.line('serving');
    expect(serving['listeners']).toEqual([`tcp://[::]:${port}`, `unix://${path}`, `unix:${named}`]);
    expect((await generations.line(UNFIT))['sockets']).toEqual([
      `log (unix datagram not listening ${join(generations.directory, 'log.sock')})`,
    ]);
    const { mode, ino } = lstatSync(path);
    const targets = [{ port }, { path }, { path: named }];
    const expectAnswers = async (): Promise<void> => {
      for (const target of targets) {
        expect(await generations.request('hello', target)).toBe(`hello ${generations.owner}`);
      }
    };
    await expectAnswers();
    // No child of the program's may believe that they are its own.
    const left = await generations.request(
      "eval Object.keys(process.env).filter((name) => name.startsWith('LISTEN_'))",
      {
        port,
      },
    );
    expect(left).toBe('[]');
    for (let round = 0; round < 2; round++) {
      await generations.restart();
      await expectAnswers();
    }
    // A mode of ours is not set on a path of theirs.
    expect(lstatSync(path)).toMatchObject({ mode, ino });

    const last = generations.owner;
    process.kill(last, 'SIGTERM');
    await generations.gone(last);
    expect(lstatSync(path).ino).toBe(ino);
    // Nobody is refused while no server is there: whoever comes waits for the next.
    const since = generations.lines.length;
    const waiting = targets.map((target) => generations.request('hello', target));
    manager.kill('SIGHUP');
    const { pid: next } = await generations.line('serving', undefined, since);
    expect(await Promise.all(waiting)).toEqual(targets.map(() => `hello ${next}`));
  });

  test('that finds a predecessor takes over from that', async () => {
    const port = await freePort();
    prepare([`tcp://127.0.0.1:${port}`]);
    const manager = activate([['echo', 'AF_INET', 'SOCK_STREAM', ['127.0.0.1', port]]]);
    const { pid: first } = await generations.line('serving');
    manager.kill('SIGHUP');
    const { pid: second, generation } = await generations.line('serving', ({ pid }) => pid !== first);
    expect(generation).toBe(2);
    await generations.gone(first);
    expect(await generations.request('hello', { port })).toBe(`hello ${second}`);
    expect(generations.lines.filter(({ msg }) => msg === UNFIT)).toEqual([]);
    // Of the socket it has one descriptor, and one that Node accepts from.
    expect(await generations.evaluate<number>(socketsOf(port))).toBe(2);
  });

  test('that finds a predecessor takes what that has not from the service manager', async () => {
    const [port, other] = [await freePort(), await freePort()];
    prepare([`tcp://127.0.0.1:${port}`]);
    const manager = activate([
      ['echo', 'AF_INET', 'SOCK_STREAM', ['127.0.0.1', port]],
      ['more', 'AF_INET', 'SOCK_STREAM', ['127.0.0.1', other]],
    ]);
    const { pid: first } = await generations.line('serving');
    deploy([`tcp://127.0.0.1:${port}`, `tcp://127.0.0.1:${other}`]);
    manager.kill('SIGHUP');
    const { pid: second } = await generations.line('serving', ({ pid }) => pid !== first);
    await generations.gone(first);
    expect(await generations.request('hello', { port: other })).toBe(`hello ${second}`);
  });

  test('that gives one up leaves it open to whoever made it', async () => {
    const [port, other] = [await freePort(), await freePort()];
    prepare([`tcp://127.0.0.1:${port}`, `tcp://127.0.0.1:${other}`]);
    const manager = activate([
      ['echo', 'AF_INET', 'SOCK_STREAM', ['127.0.0.1', port]],
      ['more', 'AF_INET', 'SOCK_STREAM', ['127.0.0.1', other]],
    ]);
    const { pid: first } = await generations.line('serving');
    deploy([`tcp://127.0.0.1:${port}`]);
    await generations.restart();
    await generations.gone(first);
    // It still listens: a shutdown(2) would have ended it for the service manager too.
    const client = connect(other, '127.0.0.1');
    await once(client, 'connect');
    client.destroy();
    expect(manager.exitCode).toBeNull();
  });

  test('behind a shell that does not exec it says so', async () => {
    const port = await freePort();
    prepare([`tcp://127.0.0.1:${port}`]);
    const script = '"$@"; true';
    activate(
      [['echo', 'AF_INET', 'SOCK_STREAM', ['127.0.0.1', port]]],
      ...['sh', '-c', script, 'sh', process.execPath, fixture('server.mjs'), generations.optionsPath],
    );
    await generations.line(
      'the service manager passed sockets to the process that started this one: let that exec it',
    );
    const { err } = await generations.line('could not start');
    expect(err?.code).toBe('UNINTERRUPTIBLE_LISTENER_ADDRESS_IN_USE');
  });
});

test(
  'systemd passes them the same way',
  requirement('addon', 'proc', 'systemd-socket-activate'),
  async () => {
    const port = await freePort();
    prepare([`tcp://127.0.0.1:${port}?name=web`]);
    // It passes on no variable that is not named: all that it starts must be found again.
    const listen = [`--listen=127.0.0.1:${port}`, '--fdname=web', `--setenv=${MARK}`];
    const server = [process.execPath, fixture('server.mjs'), generations.optionsPath];
    const systemd = generations.launch({ command: ['systemd-socket-activate', ...listen, ...server] });
    // It starts the server when the first client comes; and turns into it.
    await generations.until(() => generations.stderr.includes('Listening on'), 'systemd to listen');
    const answer = await generations.request('hello', { port });
    expect(answer).toBe(`hello ${systemd.pid}`);
    const second = await generations.restart();
    expect(await generations.request('hello', { port })).toBe(`hello ${second}`);
    expect(await exitOf(systemd)).toEqual({ code: 0, signal: null });
  },
);

/** An expression: how many descriptors of the process lead to the socket that listens on the port. */
function socketsOf(port: number): string {
  return `((fs) => {
    const line = fs.readFileSync('/proc/net/tcp', 'utf8').split('\\n').map((each) => each.trim().split(/ +/)).find((each) => each[1]?.endsWith(':${port.toString(16).toUpperCase().padStart(4, '0')}') && each[3] === '0A');
    return fs.readdirSync('/proc/self/fd').filter((fd) => { try { return fs.readlinkSync('/proc/self/fd/' + fd) === 'socket:[' + line[9] + ']' } catch { return false } }).length;
  })(require('node:fs'))`;
}
