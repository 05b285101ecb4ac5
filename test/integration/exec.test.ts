/** exec: a program that knows systemd's convention and nothing of this library takes over, and is taken over from. */
import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { COMMAND, objectOf, uninterruptible } from '../support/command.js';
import { ExecutedGenerations, type Stated } from '../support/executed.js';
import type { Version } from '../support/generations.js';
import { startLoad } from '../support/load/index.js';
import { descriptorsOf, exitOf, isAlive, stateOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

let generations: ExecutedGenerations;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  await generations.end();
});

/** A server in Node with a listener of each family. Resolves with its pid. */
async function startNode(options: Record<string, unknown> = {}, version: Version = {}): Promise<number> {
  generations = new ExecutedGenerations();
  const bind = ['tcp://127.0.0.1:0?name=http', `unix://${generations.unixPath}?name=local`];
  generations.deploy({
    servers: [{ bind, controlPath: generations.controlPath, ...options }],
    ...version,
  });
  generations.launch();
  return (await generations.line('serving')).pid;
}

/** A cold start. Resolves when it serves. */
async function startPython(options: string[] = [], fault: string[] = []): Promise<ChildProcess> {
  generations = new ExecutedGenerations();
  const bind = ['--bind', `unix://${generations.unixPath}?name=local`, '--bind', 'tcp://127.0.0.1:0'];
  const python = generations.execPython('cold', {
    options: [...bind, '--ready-after', '100ms', ...options],
    fault,
  });
  await generations.served(python.pid);
  return python;
}

/** Waits until a program has taken over from Node, which accepts no more. */
async function follows(program: ChildProcess, node: number): Promise<Stated> {
  const stated = await generations.served(program.pid);
  await generations.line('draining', ({ pid }) => pid === node);
  return stated;
}

/** A check: whoever answers this line answers with that word. Until it is the owner that may be the version before. */
function asks(line: string, word: string): string {
  const program = `import socket; s = socket.socket(socket.AF_UNIX); s.connect('${generations.unixPath}'); s.sendall(b'${line}\\n'); exit(s.recv(99).split()[0] != b'${word}')`;
  return `python3 -c "${program}"`;
}

function ask(line: string): Promise<string> {
  return generations.request(line, { path: generations.unixPath });
}

/** What the fixture says that it was given. */
interface Given {
  argv: string[];
  environment: Record<string, string>;
  descriptors: Record<string, string>;
  nonblocking: number[];
  bound: (string | [string, number])[];
  pid: number;
}

async function facts(): Promise<Given> {
  const given = JSON.parse(await ask('facts')) as Given;
  const text = (hex: string): string => Buffer.from(hex, 'hex').toString();
  return {
    ...given,
    argv: given.argv.map(text),
    environment: Object.fromEntries(
      Object.entries(given.environment).map(([name, value]) => [text(name), text(value)]),
    ),
  };
}

describe('a program that was executed', {
  ...requirement('addon', 'python3', 'proc'),
  timeout: 60_000,
}, () => {
  test('takes over from Node, is followed by another and by Node, round after round under load: nothing is lost', async () => {
    const owners = [await startNode({}, { stay: true })];
    const loads = await Promise.all(
      [{ port: generations.port() }, { path: generations.unixPath }].map((target) =>
        startLoad({ target, rate: 300, answer: 'echo-pid', longLived: { count: 5, holdFor: 300 } }),
      ),
    );
    cleanups.push(() => Promise.all(loads.map((load) => load.kill())));
    for (let round = 0; round < 2; round++) {
      for (const word of ['one', 'two']) {
        const python = generations.execPython(word, { options: ['--ready-after', '300ms'] });
        await generations.served(python.pid);
        owners.push(python.pid ?? 0);
      }
      const node = generations.launch();
      await generations.line('serving', ({ pid }) => pid === node.pid);
      owners.push(node.pid ?? 0);
    }
    for (const pid of owners.slice(0, -1)) await generations.gone(pid);
    await generations.until(() => generations.alive().length === 1, 'all keepers to leave');

    for (const load of loads) {
      const result = await load.stop();
      expect(result).toMatchObject({ lost: 0, rate: { reached: true }, longLived: { cuts: [] } });
      expect(Object.keys(result.pids).map(Number).sort()).toEqual(owners.toSorted());
    }
    expect(generations.stderr).toBe('');
  });

  test('gets its arguments, the environment, stdio and the sockets in order, and nothing else', async () => {
    const node = await startNode();
    const odd = ['', 'a b', 'ü\n"$HOME"', '--', '--check'];
    const environment = { ODD: 'ü\n=', LISTEN_FDS: '7', LISTEN_PIDFDID: '1', TLS_KEY: '/none', PORT: 'none' };
    const python = generations.exec(['--ready-after', '0s'], generations.python('word', odd), {
      environment,
    });
    await follows(python, node);
    const given = await facts();
    expect(given.pid).toBe(python.pid);
    expect(given.argv.slice(1)).toEqual(['word', ...odd]);
    expect(given.environment).toMatchObject({ ODD: 'ü\n=', TLS_KEY: '/none', PORT: 'none' });
    const namesOf = (prefix: string): string[] =>
      Object.keys(given.environment).filter((name) => name.startsWith(prefix));
    expect(namesOf('LISTEN_').sort()).toEqual(['LISTEN_FDNAMES', 'LISTEN_FDS', 'LISTEN_PID']);
    expect(given.environment).toMatchObject({
      LISTEN_PID: String(python.pid),
      LISTEN_FDS: '2',
      LISTEN_FDNAMES: 'http:local',
    });
    expect(namesOf('UNINTERRUPTIBLE_')).toEqual(['UNINTERRUPTIBLE_TEST_MARK']);
    expect(Object.keys(given.descriptors).sort()).toEqual(['0', '1', '2', '3', '4']);
    expect(given.nonblocking).toEqual([]);
    expect(given.bound).toEqual([['127.0.0.1', generations.port()], generations.unixPath]);
  });

  test('finds signals and descriptors as a shell leaves them, and every byte as it was given', async () => {
    generations = new ExecutedGenerations();
    const options = ['--control', generations.controlPath, '--bind', 'tcp://127.0.0.1:0'];
    // Stops itself, so that it can be looked at: without a child, for which a shell would block signals.
    const program = ['sh', '-c', 'kill -STOP $$', 'sh'];
    const { pid = 0 } = generations.launch({
      // What is open beyond stdio is for nobody.
      command: [
        ...([
          'sh',
          '-c',
          'exec 5</dev/null; RAW=$(printf "\\377 "); export RAW; exec "$@" "$RAW"',
          'sh',
        ] as const),
        ...[process.execPath, COMMAND, 'exec', ...options, '--', ...program],
      ],
    });
    await generations.served(pid);
    await generations.until(() => stateOf(pid) === 'T', 'the program to stop itself');
    const said = (name: string): string => readFileSync(`/proc/${pid}/${name}`, 'latin1');
    expect(/^SigIgn:\s*(\w+)/m.exec(said('status'))?.[1]).toMatch(/^0+$/);
    expect(/^SigBlk:\s*(\w+)/m.exec(said('status'))?.[1]).toMatch(/^0+$/);
    expect(readdirSync(`/proc/${pid}/fd`).sort()).toEqual(['0', '1', '2', '3']);
    expect(said('cmdline')).toBe([...program, '\xff ', ''].join('\0'));
    const given = said('environ').split('\0');
    expect(given).toContain('RAW=\xff ');
    // The shell between us and the command adds nothing but this.
    const others = given.filter(
      (entry) => entry !== '' && !/^(LISTEN_|RAW=|UNINTERRUPTIBLE_TEST_MARK=)/.test(entry),
    );
    const ours = Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
    expect(others.sort()).toEqual(ours.map((entry) => Buffer.from(entry).toString('latin1')).sort());
  });

  test('gets those addresses that are given, in their order, under their names', async () => {
    const node = await startNode();
    const { unixPath } = generations;
    const bind = [`unix://${unixPath}?name=a:b`, 'tcp://127.0.0.1:0?name=c'];
    const python = generations.execPython('word', {
      options: [...bind.flatMap((address) => ['--bind', address]), '--ready-after', '0s'],
    });
    await follows(python, node);
    const given = await facts();
    expect(given.environment['LISTEN_FDNAMES']).toBe('a-b:c');
    expect(given.bound).toEqual([unixPath, ['127.0.0.1', generations.port()]]);
  });

  test('is ready when the check says so, which is asked again and knows its pid', async () => {
    const node = await startNode();
    const go = join(generations.directory, 'go');
    const asked = join(generations.directory, 'asked');
    const python = generations.execPython('word', {
      options: ['--check', `echo $COMMAND_PID >> ${asked}; test -e ${go}`],
    });
    await generations.until(() => readIfThere(asked).split('\n').length > 2, 'the check to be asked twice');
    expect(readIfThere(asked).split('\n')[0]).toBe(String(python.pid));
    expect((await generations.status()).pid).toBe(node);
    writeFileSync(go, '');
    await generations.served(python.pid);
  });

  test('whose check fails is ended, and the version before serves on', async () => {
    const node = await startNode();
    const python = generations.execPython('word', {
      options: ['--check', 'echo not yet; exit 7', '--timeout', '3s'],
    });
    // As it ends by itself at TERM.
    expect(await exitOf(python)).toEqual({ code: 0, signal: null });
    await generations.until(() => generations.alive().length === 1, 'the keeper to leave');
    expect(generations.stderr).toMatch(
      /^uninterruptible exec: could not start: .* it ended with 7: not yet\n$/,
    );
    await generations.line('hand-over failed, serving on');
    expect(await ask('hello')).toBe(`hello ${node}`);
    expect((await generations.status()).draining).toEqual([]);
  });

  test('that dies at once leaves everything as it was', async () => {
    const node = await startNode();
    const python = generations.execPython('word', { fault: ['die'] });
    expect(await exitOf(python)).toEqual({ code: 3, signal: null });
    await generations.line('hand-over failed, serving on', ({ err }) =>
      (err?.message ?? '').includes('ended before'),
    );
    expect(await ask('hello')).toBe(`hello ${node}`);
    await generations.until(() => generations.alive().length === 1, 'the keeper to leave');
    const left = readdirSync(generations.directory).sort();
    expect(left).toEqual(['app.sock', 'control', 'control.lock', 'options.json']);
  });

  test('that dies within the rollback window of the version before lets that serve again', async () => {
    const node = await startNode({ rollbackWindow: 30_000 });
    const python = generations.execPython('word', {
      options: ['--ready-after', '100ms'],
      fault: ['die-after:1'],
    });
    const { draining } = await follows(python, node);
    expect(draining).toMatchObject([{ pid: node, canServeAgain: true }]);
    expect(await ask('hello')).toBe(`hello ${python.pid}`);
    expect(await exitOf(python)).toEqual({ code: 4, signal: null });
    await generations.line('rolled back');
    expect(await ask('hello')).toBe(`hello ${node}`);
    await generations.served(node);
    await generations.until(() => generations.alive().length === 1, 'the keeper to leave');
    expect(generations.stderr).toContain('the program has ended');
  });

  test('that dies when nobody is behind it leaves nothing', async () => {
    const python = await startPython();
    process.kill(python.pid ?? 0, 'SIGKILL');
    await generations.until(() => generations.alive().length === 0, 'the keeper to leave');
    expect(readdirSync(generations.directory)).toEqual(['control.lock']);
  });

  test('serves on when its keeper is killed', async () => {
    const python = await startPython();
    process.kill(generations.keeperOf(python.pid), 'SIGKILL');
    await generations.until(() => generations.alive().length === 1, 'the keeper to end');
    expect(await ask('hello')).toBe(`hello ${python.pid}`);
  });

  test('finishes what is open when it is stopped, and leaves nothing', async () => {
    const python = await startPython();
    const socket = connect(generations.unixPath);
    cleanups.push(() => socket.destroy());
    socket.setEncoding('utf8').write('hello\n');
    await once(socket, 'data');
    const stopping = uninterruptible(['stop', '--control', generations.controlPath]);
    await generations.until(
      () => !readdirSync(generations.directory).includes('control'),
      'the stop to begin',
    );
    socket.write('slow\n');
    expect(await once(socket, 'data')).toEqual([`slow ${python.pid}\n`]);
    expect(isAlive(python.pid ?? 0)).toBe(true);
    socket.end();
    expect(await stopping).toMatchObject({ code: 0, stderr: '' });
    expect(await exitOf(python)).toEqual({ code: 0, signal: null });
    expect(generations.alive()).toEqual([]);
    expect(readdirSync(generations.directory)).toEqual(['control.lock']);
  });

  test('that does not heed TERM is killed', async () => {
    const python = await startPython(['--drain-timeout', '300ms'], ['deaf']);
    // From here on it does not.
    expect(await ask('hello')).toBe(`hello ${python.pid}`);
    const stopped = await uninterruptible(['stop', '--control', generations.controlPath]);
    expect(stopped).toMatchObject({ code: 0, stderr: '' });
    expect(await exitOf(python)).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('is named by pid file and status, and found by either', async () => {
    generations = new ExecutedGenerations();
    const pidFile = join(generations.directory, 'app.pid');
    const options = ['--bind', `unix://${generations.unixPath}`, '--pidfile', pidFile, '--ready-after', '0s'];
    const python = generations.execPython('word', { options });
    await generations.served(python.pid);
    expect(readFileSync(pidFile, 'utf8')).toBe(`${python.pid}\n`);
    const { status } = objectOf(await uninterruptible(['status', '--json', '--pidfile', pidFile])) as {
      status: Record<string, unknown>;
    };
    expect(status).toMatchObject({
      ...{ pid: python.pid, program: 'python3', state: 'serving', generation: 1 },
      listeners: [{ bound: `unix://${generations.unixPath}`, accepting: true }],
    });
    const stopped = await uninterruptible(['stop', '--pidfile', pidFile]);
    expect(stopped).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(generations.directory)).toEqual(['control.lock']);
  });

  test('cannot be restarted without a start command, and can with one', async () => {
    const python = await startPython();
    const control = ['--control', generations.controlPath];
    const refused = await uninterruptible(['restart', ...control]);
    expect(refused).toMatchObject({ code: 6, stderr: expect.stringContaining('RESTART_NO_COMMAND') });
    expect(await ask('version')).toBe(`cold ${python.pid}`);

    const next = ['exec', '--ready-after', '100ms', '--', ...generations.python('next')];
    const startCommand = [process.execPath, COMMAND, ...next];
    const first = generations.execPython('first', {
      options: ['--ready-after', '0s', '--start-command', startCommand.join(' ')],
    });
    await generations.served(first.pid);
    expect(await uninterruptible(['restart', ...control])).toMatchObject({ code: 0, stderr: '' });
    // Until TERM has reached it the one before may accept as well.
    await generations.gone(first.pid ?? 0);
    expect(await ask('version')).toMatch(/^next /);
    const { environment } = await facts();
    const names = Object.keys(environment).filter((name) => name.startsWith('UNINTERRUPTIBLE_'));
    expect(names).toEqual(['UNINTERRUPTIBLE_TEST_MARK']);
  });

  test('gives back to Node by order', async () => {
    const node = await startNode({ rollbackWindow: 30_000 });
    const python = generations.execPython('word', { options: ['--check', asks('version', 'word')] });
    await follows(python, node);
    const rolledBack = await uninterruptible(['rollback', '--control', generations.controlPath]);
    expect(rolledBack).toMatchObject({ code: 0, stderr: '' });
    await generations.served(node);
    expect(await ask('hello')).toBe(`hello ${node}`);
    expect(await exitOf(python)).toEqual({ code: 0, signal: null });
    await generations.until(() => generations.alive().length === 1, 'the keeper to leave');
    // There is no way to make it serve again.
    expect((await uninterruptible(['rollback', '--control', generations.controlPath])).code).toBe(6);
  });

  test('does not serve again once it was told to end, and holds nothing that a client could wait at', async () => {
    const python = await startPython();
    const socket = connect(generations.unixPath);
    cleanups.push(() => socket.destroy());
    socket.setEncoding('utf8').write('hello\n');
    await once(socket, 'data');
    const keeper = generations.keeperOf(python.pid);
    generations.deploy({
      servers: [{ bind: `unix://${generations.unixPath}`, controlPath: generations.controlPath }],
    });
    const node = generations.launch();
    await generations.line('serving', ({ pid }) => pid === node.pid);
    const draining = { pid: keeper, connections: 1, canServeAgain: false };
    await generations.until(() => isSocketless(keeper), 'the keeper to let go of the listeners');
    // What it has left it tells the owner by itself, a moment later.
    const told = async (): Promise<unknown> => (await generations.status()).draining;
    await expect.poll(told, { timeout: 5_000 }).toMatchObject([draining]);
    node.kill('SIGKILL');
    await exitOf(node);
    await expect(ask('hello')).rejects.toThrow('ECONNREFUSED');
    socket.write('still here\n');
    expect(await once(socket, 'data')).toEqual([`still here ${python.pid}\n`]);
    socket.end();
    await generations.until(() => generations.alive().length === 0, 'program and keeper to leave');
  });

  test('may not make the sockets blocking while the version before has them', async () => {
    const node = await startNode();
    const python = generations.execPython('word', { fault: ['blocking'] });
    await exitOf(python);
    await generations.line('hand-over failed, serving on', ({ err }) =>
      (err?.message ?? '').includes('blocking'),
    );
    expect(await ask('hello')).toBe(`hello ${node}`);
  });
});

describe('exec', requirement('addon', 'python3', 'proc'), () => {
  const unable: [string, string[], number, RegExp][] = [
    ['without a control path', ['--', 'true'], 2, /--control/],
    ['without a command', ['--control', 'X'], 2, /behind --/],
    [
      'with an address that is none',
      ['--control', 'X', '--bind', 'tcp://x', '--', 'true'],
      2,
      /port is missing/,
    ],
    ['of a program that is not there', ['--control', 'X', '--', 'no-such-program'], 127, /not in PATH/],
    ['of a file that is no program', ['--control', 'X', '--', '/etc/passwd'], 126, /may not be executed/],
    ['where nobody serves', ['--control', 'X', '--', 'true'], 3, /--bind/],
    ['on an address that is taken', ['--control', 'X', '--bind', 'unix://Y', '--', 'true'], 6, /in use/],
  ];

  test.each(unable)('%s says so and changes nothing', async (_title, words, code, message) => {
    await startNode();
    const { directory, unixPath } = generations;
    const given = words.map((word) =>
      word === 'X' ? join(directory, 'other') : word.replace('Y', unixPath),
    );
    const ran = await uninterruptible(['exec', ...given]);
    expect(ran).toMatchObject({ code, stdout: '' });
    expect(ran.stderr).toMatch(message);
    expect(ran.stderr.split('\n')).toHaveLength(2);
    const left = readdirSync(directory).filter((name) => name !== 'other.lock');
    expect(left.sort()).toEqual(['app.sock', 'control', 'control.lock', 'options.json']);
  });
});

/** Whether it has no listening UNIX socket of the fixture's path any more. */
function isSocketless(pid: number): boolean {
  const inodes = readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .filter((line) => line.endsWith(` ${generations.unixPath}`))
    .map((line) => `socket:[${line.trim().split(/\s+/)[6]}]`);
  return inodes.every((inode) => !descriptorsOf(pid).includes(inode));
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
