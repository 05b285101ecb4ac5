/** The `uninterruptible` command against real servers: what it prints, and its exit code, in each state of a server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { VERSION } from '../../src/version.js';
import {
  COMMAND,
  normalised,
  objectOf,
  type Ran,
  type RunOptions,
  uninterruptible,
} from '../support/command.js';
import { Conversation } from '../support/conversation.js';
import { FakeOwner } from '../support/fake-owner.js';
import { Generations, type Version } from '../support/generations.js';
import { requirement } from '../support/requirements.js';

const STRANGER = fileURLToPath(new URL('../fixtures/stranger.mjs', import.meta.url));
const NOBODY = 65_534;
/** Each leaves a server as it is when it cannot be asked. */
const COMMANDS = ['status', 'listeners', 'restart', 'rollback', 'stop', 'doctor'];

let generations: Generations | undefined;
let fake: FakeOwner | undefined;

afterEach(async () => {
  fake?.close();
  fake = undefined;
  await generations?.end();
  generations = undefined;
});

async function start(version: Version = {}): Promise<Generations> {
  generations = await Generations.start(version);
  return generations;
}

/** A server that does not serve. */
function nobody(): Generations {
  generations = new Generations();
  return generations;
}

function run(words: string, options?: RunOptions): Promise<Ran> {
  return uninterruptible([...words.split(' '), '--control', generations?.controlPath ?? ''], options);
}

/** One server's options: with a pid file, and whatever else. */
function withPidFile(
  at: Generations,
  options: Record<string, unknown> = {},
): { version: Version; path: string } {
  const path = join(at.directory, 'pid');
  const server = { bind: 'tcp://127.0.0.1:0', controlPath: at.controlPath, pidfilePath: path, ...options };
  return { version: { servers: [server] }, path };
}

describe('a server that serves', requirement('addon'), () => {
  test('status and listeners', async () => {
    const { owner, controlPath } = await start();
    const names = { owner, control: controlPath };
    const status = await run('status');
    expect(status).toMatchObject({ code: 0, stderr: '' });
    expect(normalised(status.stdout, names).split('\n').slice(0, 6)).toEqual([
      `uninterruptible@<version> (uninterruptible ${VERSION})  serving`,
      '  pid          <owner>, generation 1, serving for <time>',
      '  control      <control>',
      '  listeners    tcp://127.0.0.1:0  tcp://127.0.0.1:<port>  accepting',
      '  connections  0 open (0 busy, 0 idle), 0 so far',
      '  draining     nobody',
    ]);
    const listeners = await run('listeners');
    expect(listeners).toMatchObject({ code: 0, stderr: '' });
    expect(normalised(listeners.stdout, names)).toBe(
      'tcp://127.0.0.1:0  tcp://127.0.0.1:<port>  accepting\n',
    );
  });

  test('status, listeners and list as JSON', async () => {
    const { owner, controlPath } = await start();
    expect(objectOf(await run('status --json'))).toMatchObject({
      ok: true,
      exitCode: 0,
      status: { pid: owner, generation: 1, state: 'serving', controlPath },
    });
    expect(objectOf(await run('listeners --json'))).toMatchObject({
      ok: true,
      pid: owner,
      listeners: [{ kind: 'tcp' }],
    });
    const { servers } = objectOf(await uninterruptible(['list', '--json'])) as {
      servers: Record<string, unknown>[];
    };
    // Others of this user may run on this machine.
    expect(servers.filter((server) => server['controlPath'] === controlPath)).toMatchObject([
      { pid: owner, answers: true },
    ]);
  });

  test('list has a line for each', async () => {
    const { owner, controlPath } = await start();
    const { stdout, code } = await uninterruptible(['list']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^PID +GENERATION +STATE +PROGRAM +SINCE +LISTENERS +CONTROL PATH\n/);
    const line = stdout.split('\n').find((text) => text.endsWith(`  ${controlPath}`)) ?? '';
    expect(normalised(line.replaceAll(/ +/g, ' '), { owner, control: controlPath })).toBe(
      '<owner> 1 serving uninterruptible@<version> <time> tcp://127.0.0.1:<port> <control>',
    );
  });

  test('it is found by its pid file, and by the environment', async () => {
    const server = nobody();
    const { version, path } = withPidFile(server);
    server.deploy(version);
    server.launch();
    await server.line('serving');
    const found = { ok: true, status: { pid: server.owner } };
    expect(objectOf(await uninterruptible(['status', '--json', '--pidfile', path]))).toMatchObject(found);
    for (const environment of [{ PID_FILE: path }, { CONTROL_PATH: server.controlPath }]) {
      expect(objectOf(await uninterruptible(['status', '--json'], { environment }))).toMatchObject(found);
    }
    // Also after a restart, and not any more after a stop.
    await server.restart();
    expect(objectOf(await uninterruptible(['stop', '--json', '--pidfile', path]))).toMatchObject({
      ok: true,
      pid: server.owner,
    });
    expect(await uninterruptible(['status', '--pidfile', path])).toMatchObject({
      code: 3,
      stdout: '',
      stderr: `uninterruptible: There is no pid file ${path} (--pidfile): no server runs that has it.\n`,
    });
  });

  test('of several one must be named', async () => {
    const server = nobody();
    const other = join(server.directory, 'other');
    server.deploy({});
    server.launch();
    await server.line('serving');
    const first = server.owner;
    server.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', controlPath: other }] });
    server.launch();
    await server.line('serving', ({ pid }) => pid !== first);
    const { code, stderr } = await uninterruptible(['stop']);
    expect(code).toBe(2);
    expect(stderr).toContain('Say which:\n');
    expect(stderr).toContain(`  --control ${other}   (pid ${server.owner}, uninterruptible@`);
    expect(stderr).toContain(`  --control ${server.controlPath}   (pid ${first}, `);
    expect(server.alive()).toEqual(expect.arrayContaining([first, server.owner]));
  });

  test('doctor finds nothing that fails', async () => {
    const { owner, controlPath } = await start();
    const { code, stdout, stderr } = await run('doctor');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = normalised(stdout, { owner, control: controlPath }).replaceAll(/  +/g, ' ').split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'ok control path <control> is a socket with mode 600.',
        'ok answer Pid <owner> answered within <time>.',
        `ok version The server runs uninterruptible ${VERSION}, Node ${process.version}.`,
        'ok listeners 1 listener accepting.',
        'ok USR1 Pid <owner> catches USR1.',
      ]),
    );
    expect(objectOf(await run('doctor --json'))).toMatchObject({ ok: true, exitCode: 0 });
  });

  test('doctor fails where others may write, and says what to do', async () => {
    const { directory } = await start();
    chmodSync(directory, 0o777);
    const { code, stdout, stderr } = await run('doctor');
    expect(stdout).toMatch(
      new RegExp(
        `^fail +control directory +Other users may write to ${directory}: chmod go-w ${directory}$`,
        'm',
      ),
    );
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'uninterruptible: 1 check failed.\n' });
    expect(objectOf(await run('doctor --json'))).toMatchObject({
      ok: false,
      exitCode: 1,
      error: { code: 'checks-failed' },
    });
  });
});

describe('restart', requirement('addon'), () => {
  test('shows its steps, and who serves', async () => {
    const server = await start();
    const old = server.owner;
    const { code, stdout, stderr } = await run('restart');
    await server.line('serving', ({ pid }) => pid !== old);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(normalised(stdout, { old, new: server.owner }).split('\n')).toEqual([
      'Restarting pid <old>, generation 1.',
      ' <time>  pid <new> started',
      ' <time>  pid <new> takes over',
      'Done in <time>: pid <new> serves, generation 2.',
      '',
    ]);
  });

  test('as JSON it is one object', async () => {
    const server = await start();
    const old = server.owner;
    const object = objectOf(await run('restart --json --wait-drained'));
    expect(object).toMatchObject({
      ok: true,
      exitCode: 0,
      generation: 2,
      before: { pid: old, generation: 1 },
      drained: true,
    });
    expect(object['pid']).toBe(server.owner);
    expect(server.alive()).toEqual([server.owner]);
  });

  test('that fails says why, what the new process wrote, and exits 6', async () => {
    const server = await start();
    server.deploy({ startup: 'throw' });
    const { code, stdout, stderr } = await run('restart');
    const names = { old: server.owner };
    expect(code).toBe(6);
    expect(normalised(stdout, names)).toMatch(
      /^Restarting pid <old>, generation 1\.\n <time> {2}pid \d+ started\n$/,
    );
    expect(normalised(stderr, names).split('\n').slice(0, 2)).toEqual([
      'uninterruptible: The restart failed, pid <old> serves on. The new process exited with code 1 before it was ready. (UNINTERRUPTIBLE_RESTART_EXITED)',
      'What the new process wrote last:',
    ]);
    expect(stderr).toContain('  | Error: the new version throws\n');
    const object = objectOf(await run('restart --json'));
    expect(object).toMatchObject({
      ok: false,
      exitCode: 6,
      error: { code: 'UNINTERRUPTIBLE_RESTART_EXITED', pid: server.owner },
    });
    expect((object['error'] as { lastWords: string }).lastWords).toContain('the new version throws');
  });

  test('that takes too long exits 4, and goes on', async () => {
    const server = await start();
    server.deploy({ warmUp: 'hang' });
    const { code, stderr } = await run('restart --timeout 700ms');
    expect(code).toBe(4);
    expect(normalised(stderr, { old: server.owner })).toMatch(
      /^uninterruptible: The restart was not over within <time> \(last: pid \d+ (started|takes over)\)\. It goes on; pid <old> serves until then\. See: uninterruptible status\n$/,
    );
    expect((await run('status')).stdout).toMatch(/ {2}serving, (restarting|handing over)\n/);
  });

  test('waits for the old process, if told to', async () => {
    const server = await start({ stay: true });
    const old = server.owner;
    const conversation = await Conversation.open(server.port());
    const early = await run('restart --wait-drained --timeout 2s');
    expect(early.code).toBe(4);
    expect(normalised(early.stderr, { old, new: server.owner })).toBe(
      'uninterruptible: The restart is done, pid <new> serves. But pid <old> still drains (1 connection left), and goes on.\n',
    );
    await conversation.end();
    await server.gone(old);

    const second = await Conversation.open(server.port());
    const { code, stdout } = await run('restart --wait-drained', {
      onOutput: (text) => {
        if (text.includes('connection left')) void second.end();
      },
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/pid \d+ has 1 connection left\n.*pid \d+ has left\n$/s);
  });

  test('in which the owner dies, with nobody behind it, exits 5', async () => {
    const server = await start();
    const old = server.owner;
    server.deploy({ startup: 'hang' });
    const { code, stderr } = await run('restart', {
      onOutput: (text) => {
        if (text.includes('started') && server.alive().includes(old)) process.kill(old, 'SIGKILL');
      },
    });
    expect(code).toBe(5);
    expect(normalised(stderr, { old, control: server.controlPath })).toBe(
      'uninterruptible: Pid <old> died during the restart, and nobody serves at <control>.\n',
    );
  });

  test('in which the owner dies while the one before still drains exits 6', async () => {
    const server = await start({ stay: true });
    const first = server.owner;
    const conversation = await Conversation.open(server.port());
    const second = await server.restart();
    server.deploy({ startup: 'hang' });
    const { code, stderr } = await run('restart', {
      onOutput: (text) => {
        if (text.includes('started') && server.alive().includes(second)) process.kill(second, 'SIGKILL');
      },
    });
    expect({ code, stderr: normalised(stderr, { first, second }) }).toEqual({
      code: 6,
      stderr: 'uninterruptible: Pid <second> died during the restart; pid <first> serves again.\n',
    });
    await conversation.end();
  });
});

describe('while a restart is under way', requirement('addon'), () => {
  /** The new version warms up until it is told to stop. */
  async function restarting(): Promise<Generations> {
    const server = await start();
    server.deploy({ warmUp: 'hang' });
    process.kill(server.owner, 'SIGUSR1');
    await server.line('handing over');
    await server.line('warming up', ({ pid }) => pid !== server.owner);
    return server;
  }

  test('who serves is told, by each command that only looks', async () => {
    const { owner, controlPath } = await restarting();
    const shown = async (words: string): Promise<string> => {
      const { code, stdout, stderr } = await run(words);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return normalised(stdout, { owner, control: controlPath });
    };
    expect(await shown('status')).toMatch(/ {2}serving, handing over\n +pid +<owner>, generation 1,/);
    expect(await shown('listeners')).toMatch(/^tcp:.* accepting\n$/);
    expect(await shown('doctor')).toContain('1 listener accepting');
    expect((await uninterruptible(['list'])).stdout).toContain(`${owner} `);
  });

  test('a rollback is refused, and both processes go on', async () => {
    const server = await restarting();
    const { owner } = server;
    expect(await run('rollback')).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('A restart is under way.') as string,
    });
    expect(server.alive()).toHaveLength(2);
    expect(await server.request('still')).toBe(`still ${owner}`);
  });

  test('a second restart is one further restart after it', async () => {
    const server = await restarting();
    const first = server.owner;
    const second = run('restart');
    await server.line('restart queued: one is under way');
    server.deploy({});
    const child = server.alive().find((pid) => pid !== first) ?? 0;
    process.kill(child, 'SIGKILL');
    expect(await second).toMatchObject({ code: 0, stderr: '' });
    expect([first, child]).not.toContain(server.owner);
  });

  test('a stop abandons it', async () => {
    const server = await restarting();
    expect(await run('stop')).toMatchObject({ code: 0, stderr: '' });
    await server.line('restart abandoned');
    await server.until(() => server.alive().length === 0, 'the new version to be ended, too');
  });
});

describe('while an old process drains', requirement('addon'), () => {
  async function draining(): Promise<{ server: Generations; old: number; held: Conversation }> {
    const server = await start({ stay: true });
    const old = server.owner;
    const held = await Conversation.open(server.port());
    await server.restart();
    return { server, old, held };
  }

  test('it is shown, and does not count as a server of its own', async () => {
    const { server, old } = await draining();
    const names = { old, new: server.owner, control: server.controlPath };
    await expect
      .poll(async () => normalised((await run('status')).stdout, names), { timeout: 10_000 })
      .toMatch(/pid +<new>, generation 2[^]*draining +pid <old>, generation 1: 1 connection left/);
    const { stdout } = await uninterruptible(['list']);
    expect(stdout.split('\n').filter((line) => line.includes(server.controlPath))).toHaveLength(1);
    expect(await run('listeners')).toMatchObject({ code: 0 });
    expect(await run('doctor')).toMatchObject({ code: 0 });
  });

  test('a stop waits for it; from the order on nobody serves there', async () => {
    const { server, old, held } = await draining();
    expect(await run('stop --timeout 500ms')).toMatchObject({ code: 4 });
    expect(server.alive()).toEqual(expect.arrayContaining([old, server.owner]));
    for (const command of COMMANDS) expect(await run(command)).toMatchObject({ code: 3 });
    await held.end();
    await server.until(() => server.alive().length === 0, 'all to leave');
  });

  test('a stop with --now cuts it', async () => {
    const { server, held } = await draining();
    expect(await run('stop --now')).toMatchObject({ code: 0 });
    await held.closed;
    await server.until(() => server.alive().length === 0, 'all to leave');
  });
});

describe('stop', requirement('addon'), () => {
  test('waits until the process has gone', async () => {
    const server = await start();
    const { owner } = server;
    const { code, stdout, stderr } = await run('stop');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(normalised(stdout, { owner })).toBe(
      'Stopping pid <owner>, finishing what is open.\nStopped in <time>: pid <owner> has gone.\n',
    );
    expect(server.alive()).toEqual([]);
    expect(existsSync(server.controlPath)).toBe(false);
  });

  test('that takes too long exits 4, and goes on', async () => {
    const server = await start({ stay: true });
    const conversation = await Conversation.open(server.port());
    const ran = await run('stop --json --timeout 500ms');
    expect(ran.code).toBe(4);
    expect(objectOf(ran)).toMatchObject({
      ok: false,
      exitCode: 4,
      error: { code: 'timed-out', pid: server.owner },
    });
    await conversation.end();
    await server.gone(server.owner);
  });
});

describe('a server that cannot be asked', requirement('addon'), () => {
  test('is dead: every command exits 3', async () => {
    const server = await start();
    process.kill(server.owner, 'SIGKILL');
    await server.gone(server.owner);
    for (const command of COMMANDS) {
      const { code, stderr } = await run(command);
      expect({ command, code }).toEqual({ command, code: 3 });
      expect(normalised(stderr, { control: server.controlPath })).toBe(
        'uninterruptible: Nobody answers at <control>. It was left by a process that died; the next start replaces it.\n',
      );
      expect(objectOf(await run(`${command} --json`))).toMatchObject({
        ok: false,
        exitCode: 3,
        error: { code: 'nobody' },
      });
    }
  });

  test('hangs: every command exits 4, names it, and orders nothing', async () => {
    const server = await start();
    const { owner } = server;
    process.kill(owner, 'SIGSTOP');
    for (const command of COMMANDS) {
      const { code, stderr } = await run(`${command} --timeout 300ms`);
      expect({ command, code }).toEqual({ command, code: 4 });
      expect(normalised(stderr, { owner, control: server.controlPath })).toBe(
        'uninterruptible: Process <owner> does not answer at <control> (waited <time>).\n'.replace(
          'waited <time>',
          'waited <time>',
        ),
      );
    }
    expect((await run('doctor --timeout 300ms')).stdout).toContain(`It is stopped: kill -CONT ${owner}`);
    const { stdout } = await uninterruptible(['list']);
    expect(stdout).toMatch(new RegExp(`^${owner} +- +does not answer .*${server.controlPath}$`, 'm'));
    process.kill(owner, 'SIGCONT');
    expect(await server.request('still')).toBe(`still ${owner}`);
    expect(server.lines.filter(({ msg }) => msg.includes('ordered'))).toEqual([]);
  });

  test('hangs, and nobody could serve again: it is not ended', async () => {
    const server = await start();
    const { owner } = server;
    process.kill(owner, 'SIGSTOP');
    const { code, stderr } = await run('rollback --force');
    expect({ code, stderr: normalised(stderr, { owner }) }).toEqual({
      code: 6,
      stderr:
        'uninterruptible: Nobody else could serve again, so pid <owner> is not ended: that would end the service. To start anew: kill -KILL <owner>, then start.\n',
    });
    process.kill(owner, 'SIGCONT');
    expect(await server.request('still')).toBe(`still ${owner}`);
  });

  test('hangs, and the one before drains: --force ends it, and that one serves again', async () => {
    const server = await start({ stay: true });
    const first = server.owner;
    const conversation = await Conversation.open(server.port());
    const second = await server.restart();
    process.kill(second, 'SIGSTOP');
    const { code, stdout, stderr } = await run('rollback --force');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(normalised(stdout, { first, second }).split('\n')).toEqual([
      ' <time>  pid <second> did not answer and is ended; pid <first> can serve again',
      'Done in <time>: pid <first> serves, generation 3.',
      '',
    ]);
    expect(await server.request('again')).toBe(`again ${first}`);
    await conversation.end();
  });

  test('hangs, and so does the one before: neither is ended', async () => {
    const server = await start({ stay: true });
    const first = server.owner;
    await Conversation.open(server.port());
    const second = await server.restart();
    process.kill(first, 'SIGSTOP');
    process.kill(second, 'SIGSTOP');
    const { code, stderr } = await run('rollback --force');
    expect(code).toBe(6);
    expect(stderr).toContain(`Pid ${first} is stopped itself`);
    expect(server.alive()).toEqual(expect.arrayContaining([first, second]));
  });

  test('is a file: every command exits 2; is not there: 3', async () => {
    const { controlPath } = nobody();
    for (const command of COMMANDS) {
      expect(await run(command)).toMatchObject({
        code: 3,
        stderr: `uninterruptible: Nobody answers at ${controlPath}.\n`,
      });
    }
    writeFileSync(controlPath, 'precious');
    for (const command of COMMANDS) {
      expect(await run(command)).toMatchObject({
        code: 2,
        stderr: `uninterruptible: ${controlPath} is not a control socket.\n`,
      });
    }
    expect(readFileSync(controlPath, 'utf8')).toBe('precious');
  });

  test('says nonsense: exits 1', async () => {
    const { controlPath } = nobody();
    fake = new FakeOwner(controlPath, [['nonsense', null]]);
    for (const command of COMMANDS) {
      const { code, stderr } = await run(command);
      expect({ command, code }).toEqual({ command, code: 1 });
      expect(stderr).toContain('is no server of this library');
    }
  });

  test('does not know the order: exits 6', async () => {
    const { controlPath } = nobody();
    const status = [
      { type: 'status', status: { state: 'serving', pid: 12, generation: 1, listeners: [] } },
      null,
    ];
    fake = new FakeOwner(controlPath, [status, [null], status]);
    expect(await run('rollback')).toMatchObject({
      code: 6,
      stderr:
        'uninterruptible: Pid 12 serves on, and did not answer the rollback: its release may be too old to know it.\n',
    });
  });

  test('belongs to somebody else: exits 6', requirement('root'), async () => {
    const server = await start();
    chmodSync(server.directory, 0o755);
    const asNobody = { uid: NOBODY };
    for (const command of COMMANDS) {
      expect(await run(command, asNobody)).toMatchObject({
        code: 6,
        stderr: expect.stringContaining(
          `Uid ${NOBODY} may not give orders at ${server.controlPath}: `,
        ) as string,
      });
    }
    // Also where the mode of the path lets everybody in.
    chmodSync(server.controlPath, 0o777);
    expect(objectOf(await run('stop --json', asNobody))).toMatchObject({
      exitCode: 6,
      error: { code: 'forbidden' },
    });
    const pidfile = join(server.directory, 'a-pid');
    writeFileSync(pidfile, `${server.owner}\n`);
    const byPid = await uninterruptible(['status', '--pidfile', pidfile], asNobody);
    expect(byPid).toMatchObject({ code: 6, stderr: expect.stringContaining('belongs to user 0') as string });
    expect(server.alive()).toEqual([server.owner]);
  });

  test('is a stranger at the path: it is not believed a word', requirement('root'), async () => {
    const { directory, controlPath } = nobody();
    chmodSync(directory, 0o777);
    const squatter = spawn(process.execPath, [STRANGER, 'squat', controlPath]);
    try {
      await once(squatter.stdout, 'data');
      const ran = await run('restart --json', { uid: NOBODY - 1 });
      expect(objectOf(ran)).toMatchObject({ exitCode: 6, error: { code: 'forbidden' } });
    } finally {
      squatter.kill('SIGKILL');
    }
  });

  test('is another than the one that left the pid file: nothing is ordered', async () => {
    const server = nobody();
    const { version, path } = withPidFile(server);
    server.deploy(version);
    server.launch();
    await server.line('serving');
    const stale = join(server.directory, 'stale');
    writeFileSync(stale, `${server.owner}\n`);
    expect(await uninterruptible(['stop', '--pidfile', stale])).toMatchObject({
      code: 3,
      stderr: `uninterruptible: ${stale} is stale: process ${server.owner}, which it names, is another server, and has the pid file ${path}.\n`,
    });
    expect(server.alive()).toEqual([server.owner]);
    // A link to the right one is as good.
    rmSync(stale);
    symlinkSync(path, stale);
    expect(await uninterruptible(['status', '--pidfile', stale])).toMatchObject({ code: 0 });
  });

  test('is named by a pid file that is wrong', async () => {
    const server = nobody();
    const path = join(server.directory, 'pid');
    const by = (): Promise<Ran> => uninterruptible(['status', '--pidfile', path]);
    writeFileSync(path, 'hello\n');
    expect(await by()).toMatchObject({
      code: 2,
      stderr: `uninterruptible: ${path} (--pidfile) holds no pid: "hello "\n`,
    });
    writeFileSync(path, '1073741824\n');
    expect(await by()).toMatchObject({
      code: 3,
      stderr: `uninterruptible: ${path} names process 1073741824, and there is none.\n`,
    });
    writeFileSync(path, `${process.pid}\n`);
    expect(await by()).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('is no server that takes orders') as string,
    });
    rmSync(path);
    expect(await by()).toMatchObject({ code: 3 });
  });
});

describe('a person at a terminal', requirement('addon', 'python3'), () => {
  /** A pseudo-terminal of so many columns and 30 rows around what follows. */
  const terminal = (columns: number): [string, ...string[]] => [
    'python3',
    '-c',
    [
      'import fcntl, os, pty, struct, sys, termios',
      'size = struct.pack("HHHH", 30, int(sys.argv.pop(1)), 0, 0)',
      'pid, master = pty.fork()',
      'if pid == 0:',
      '  fcntl.ioctl(0, termios.TIOCSWINSZ, size)',
      '  os.execvp(sys.argv[1], sys.argv[1:])',
      'def output():',
      '  while True:',
      '    try: data = os.read(master, 65536)',
      '    except OSError: return',
      '    if not data: return',
      '    os.write(1, data)',
      'import threading',
      'def keys():',
      '  while data := os.read(0, 1024): os.write(master, data)',
      'threading.Thread(target=keys, daemon=True).start()',
      'output()',
      'os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))',
    ].join('\n'),
    String(columns),
  ];
  const TERMINAL = terminal(100);

  test('reads lines that fit a narrow one', async () => {
    const server = nobody();
    const { version } = withPidFile(server, { rollbackWindow: 60_000 });
    server.deploy(version);
    server.launch();
    await server.line('serving');
    await server.restart();
    for (const words of ['status', 'list', 'doctor']) {
      const { stdout } = await run(words, { through: terminal(60) });
      const lines = stripVTControlCharacters(stdout).split(/\r?\n/);
      expect(lines.length).toBeGreaterThan(5);
      // But for what is one word: a path is copied whole.
      expect(
        lines.filter((line) => line.length > 60 && line.trim().split(/ {2,}/).at(-1)?.includes(' ')),
      ).toEqual([]);
    }
  });

  test('sees colours there, and only there', async () => {
    await start();
    const GREEN = '\u001b[32mserving\u001b[39m';
    expect((await run('status', { through: TERMINAL })).stdout).toContain(GREEN);
    expect((await run('status', { through: TERMINAL, environment: { NO_COLOR: '1' } })).stdout).not.toContain(
      '\u001b',
    );
    expect((await run('status --json', { through: TERMINAL })).stdout).not.toContain('\u001b');
    expect((await run('status')).stdout).not.toContain('\u001b');
  });

  test('watches one frame that is drawn again, and ends it with Ctrl-C', async () => {
    await start();
    let pressed = false;
    const { code, stdout } = await run('status --watch', {
      through: TERMINAL,
      onOutput: (text, child) => {
        // A second one would kill.
        if (text.split('\u001b[0J').length !== 3 || pressed) return;
        pressed = true;
        child.stdin?.write('\u0003');
      },
    });
    expect(code).toBe(0);
    const [, first = '', second = ''] = stdout.replaceAll('\r', '').split('\u001b[0J');
    const lines = first.split('\n').length - 1;
    // The second begins as many lines higher as the first has.
    expect(first.endsWith(`\n\u001b[${lines}A`) || first.includes(`\u001b[${lines - 1}A`)).toBe(true);
    expect(second).toContain('Ctrl-C ends this');
  });
});

describe('watching', requirement('addon'), () => {
  test('prints a line for each change, through a restart and a stop', async () => {
    const server = await start();
    const first = server.owner;
    let acted = 0;
    const { code, stdout, stderr } = await run('status --watch', {
      onOutput: (text, child) => {
        const lines = text.split('\n').length - 1;
        if (lines >= 1 && acted === 0) {
          acted = 1;
          process.kill(first, 'SIGUSR1');
        } else if (text.includes('generation 2; 0 connections\n') && acted === 1) {
          acted = 2;
          process.kill(server.owner, 'SIGTERM');
        } else if (text.includes('Nobody answers')) child.kill('SIGINT');
      },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = normalised(stdout, { first, second: server.owner, control: server.controlPath }).split(
      '\n',
    );
    expect(lines[0]).toBe('<clock> serving, pid <first>, generation 1; 0 connections');
    expect(lines).toContain('<clock> serving, pid <second>, generation 2; 0 connections');
    expect(lines.at(-2)).toBe('<clock> Nobody answers at <control>.');
  });

  test('is an object a second with --json', async () => {
    const server = await start();
    const { code, stdout } = await run('status --watch --json', {
      onOutput: (text, child) => {
        if (text.split('\n').length > 2) child.kill('SIGINT');
      },
    });
    expect(code).toBe(0);
    const objects = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(objects.slice(0, 2)).toMatchObject([
      { ok: true, status: { pid: server.owner } },
      { ok: true, status: { pid: server.owner } },
    ]);
  });
});

describe('the arguments', requirement('addon'), () => {
  test.each([
    [[], 'Usage: uninterruptible [options] [command]'],
    [['bogus'], "uninterruptible: unknown command 'bogus'. See: uninterruptible --help\n"],
    [['status', '--bogus'], "uninterruptible: unknown option '--bogus'. See: uninterruptible --help\n"],
    [['status', 'more'], 'uninterruptible: too many arguments'],
    [
      ['status', '--timeout', '5'],
      'uninterruptible: --timeout needs a unit: write 5s for seconds or 5ms for milliseconds instead of 5.\n',
    ],
    [['status', '--timeout', '0s'], 'uninterruptible: --timeout must be more than 0'],
    [
      ['status', '--control', 'a', '--pidfile', 'b'],
      'uninterruptible: --control and --pidfile both name a server: give one of them.\n',
    ],
  ])('%j exit 2', async (words, message) => {
    const { code, stdout, stderr } = await uninterruptible(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.startsWith(message)).toBe(true);
    if (words.length > 0) {
      expect(objectOf(await uninterruptible([...words, '--json']))).toMatchObject({
        ok: false,
        exitCode: 2,
        error: { code: 'usage' },
      });
    }
  });

  test('help and version exit 0; every command has examples and the exit codes', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(await uninterruptible(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    for (const words of [[], ['list'], ...COMMANDS.map((command) => [command])]) {
      const { code, stdout } = await uninterruptible([...words, '--help']);
      expect(code).toBe(0);
      expect(stdout).toContain('  6  refused or failed: whoever served before serves on\n');
      if (words.length > 0) expect(stdout).toContain(`Examples:\n  uninterruptible ${words[0]}`);
    }
  });
});

test('the built command can be run by itself', () => {
  expect(readFileSync(COMMAND, 'utf8').split('\n')[0]).toBe('#!/usr/bin/env node');
});
