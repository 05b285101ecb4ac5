/** exec: what a program and its keeper have from whoever started them, and what they leave to others. */
import { type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { COMMAND, uninterruptible } from '../support/command.js';
import { ExecutedGenerations } from '../support/executed.js';
import { Notifications } from '../support/notifications.js';
import { exitOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

const WITHOUT_CLOSE_RANGE = fileURLToPath(new URL('../fixtures/without-close-range.py', import.meta.url));

let generations: ExecutedGenerations;
beforeEach(() => {
  generations = new ExecutedGenerations();
});
afterEach(() => generations.end());

/** A cold start by way of a command, such as a shell with redirections. */
function startThrough(through: [string, ...string[]], options: readonly string[] = []): ChildProcess {
  const control = ['--control', generations.controlPath, '--bind', `unix://${generations.unixPath}`];
  const words = [process.execPath, COMMAND, 'exec', ...control, '--ready-after', '0s', ...options, '--'];
  return generations.launch({ command: [...through, ...words, ...generations.python('cold')] });
}

async function startNode(): Promise<number> {
  const bind = `unix://${generations.unixPath}`;
  generations.deploy({ servers: [{ bind, controlPath: generations.controlPath }] });
  generations.launch();
  return (await generations.line('serving')).pid;
}

function startCommand(options: readonly string[]): string {
  return [process.execPath, COMMAND, 'exec', ...options, '--', ...generations.python('next')].join(' ');
}

function ask(line: string): Promise<string> {
  return generations.request(line, { path: generations.unixPath });
}

describe('exec', { ...requirement('addon', 'python3', 'proc'), timeout: 60_000 }, () => {
  test('keeps nothing open that whoever started it had open', async () => {
    // As `flock 200` in a deployment script does.
    const opening = 'import os, sys; os.dup2(0, 200); os.execvp(sys.argv[1], sys.argv[1:])';
    const { pid = 0 } = startThrough(['python3', '-c', opening]);
    await generations.served(pid);
    expect(readdirSync(`/proc/${pid}/fd`)).not.toContain('200');
    expect(readdirSync(`/proc/${generations.keeperOf(pid)}/fd`)).not.toContain('200');
  });

  test('closes descriptors for the program where the kernel has no close_range, above the limit as well', async () => {
    const { pid = 0 } = startThrough(['python3', WITHOUT_CLOSE_RANGE]);
    await generations.served(pid);
    expect(readlinkSync(`/proc/${pid}/exe`)).toMatch(/python/);
    expect(readdirSync(`/proc/${pid}/fd`)).not.toContain('500');
    expect(readdirSync(`/proc/${generations.keeperOf(pid)}/fd`)).not.toContain('500');
  });

  test('leaves the watchdog to the program: whether that hangs nobody else can say', async () => {
    const manager = new Notifications(generations.directory);
    try {
      const environment = { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: '20000' };
      const control = ['--bind', `unix://${generations.unixPath}`, '--ready-after', '0s'];
      const again = startCommand(['--ready-after', '0s']);
      const { pid = 0 } = generations.exec(
        [...control, '--start-command', again],
        generations.python('cold'),
        {
          environment,
        },
      );
      await generations.served(pid);
      // The next one has a keeper that was started as a successor is.
      expect(await uninterruptible(['restart', '--control', generations.controlPath])).toMatchObject({
        code: 0,
      });
      await generations.gone(pid);
      const { environment: given } = JSON.parse(await ask('facts')) as {
        environment: Record<string, string>;
      };
      expect(Object.keys(given).map((name) => Buffer.from(name, 'hex').toString())).toContain(
        'WATCHDOG_USEC',
      );
      await uninterruptible(['stop', '--control', generations.controlPath]);
      await generations.until(
        () => manager.states.some((state) => state.endsWith('STOPPING=1')),
        'the last word',
      );
      expect(manager.all.filter(({ names }) => names.includes('WATCHDOG'))).toEqual([]);
    } finally {
      manager.close();
    }
  });

  test('has its start command write to the same stdout', async () => {
    const out = join(generations.directory, 'out');
    const first = startThrough(
      ['sh', '-c', `exec "$@" > ${out}`, 'sh'],
      ['--start-command', startCommand(['--ready-after', '0s'])],
    );
    await generations.served(first.pid);
    expect(readlinkSync(`/proc/${first.pid}/fd/1`)).toBe(out);
    expect(await uninterruptible(['restart', '--control', generations.controlPath])).toMatchObject({
      code: 0,
    });
    // Until TERM has reached it the one before may accept as well.
    await generations.gone(first.pid ?? 0);
    const [, pid] = (await ask('version')).split(' ');
    expect(readlinkSync(`/proc/${pid}/fd/1`)).toBe(out);
  });

  test('that was a start command has a stderr that does not depend on a keeper', async () => {
    const first = startThrough(
      ['env'],
      ['--start-command', startCommand(['--verbose', '--ready-after', '0s'])],
    );
    await generations.served(first.pid);
    const stderr = readlinkSync(`/proc/${first.pid}/fd/2`);
    expect(await uninterruptible(['restart', '--control', generations.controlPath])).toMatchObject({
      code: 0,
    });
    const [, pid = ''] = (await ask('version')).split(' ');
    expect(pid).not.toBe(String(first.pid));
    expect(readlinkSync(`/proc/${pid}/fd/2`)).toBe(stderr);
    // Its own steps are heard as well.
    await generations.until(() => generations.stderr.includes('taking over'), 'what the keeper says');
  });

  test('is not told by doctor to set what it has no option for', async () => {
    const { pid } = startThrough(['env']);
    await generations.served(pid);
    const { code, stdout } = await uninterruptible(['doctor', '--control', generations.controlPath]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/1 listener accepting/);
    expect(stdout).not.toMatch(/^(warn|fail)|rollbackWindow/m);
  });

  test('finds the program without a PATH where execvp does', async () => {
    const bind = ['--bind', `unix://${generations.unixPath}`];
    const words = ['exec', '--control', generations.controlPath, ...bind, '--', 'sh', '-c', 'exit 9'];
    expect(await uninterruptible(words, { through: ['env', '-u', 'PATH'] })).toMatchObject({ code: 9 });
  });

  test('says why the check did not pass, after a delay that took most of the time', async () => {
    const program = generations.execPython('late', {
      options: [
        ...['--bind', `unix://${generations.unixPath}`],
        ...['--ready-after', '2800ms', '--timeout', '3s', '--check', 'echo not yet; exit 7'],
      ],
    });
    await exitOf(program);
    await generations.until(() => generations.alive().length === 0, 'the keeper to leave');
    expect(generations.stderr).toMatch(
      /^uninterruptible exec: could not start: .*The check did not pass in time: (it ended with 7: not yet|there was no time)/,
    );
  });

  test('finds out that the program made the sockets blocking just before it was ready', async () => {
    const node = await startNode();
    const done = join(generations.directory, 'done');
    const program = generations.exec(
      ['--check', `while ! test -e ${done}; do :; done`],
      ['python3', '-c', `import os, signal; os.set_blocking(3, True); open('${done}', 'w'); signal.pause()`],
    );
    await exitOf(program);
    await generations.line('hand-over failed, serving on', ({ err }) =>
      (err?.message ?? '').includes('blocking'),
    );
    expect(await ask('hello')).toBe(`hello ${node}`);
  });

  test('that stands still before it is the program is given up in time', async () => {
    const node = await startNode();
    const python = generations.execPython('word', {
      options: ['--timeout', '1500ms', '--drain-timeout', '100ms'],
    });
    await keeperBeside(node, python.pid);
    python.kill('SIGSTOP');
    await generations.line('hand-over failed, serving on', ({ err }) =>
      (err?.message ?? '').includes('did not become the program in time'),
    );
    expect(await exitOf(python)).toEqual({ code: null, signal: 'SIGKILL' });
    await generations.until(() => generations.alive().length === 1, 'the keeper to leave');
    expect(await ask('hello')).toBe(`hello ${node}`);
  });

  test('that has ended when its keeper comes up is no reason to take over', async () => {
    const node = await startNode();
    const python = generations.execPython('word');
    const keeper = await keeperBeside(node, python.pid);
    process.kill(keeper, 'SIGSTOP');
    python.kill('SIGKILL');
    await exitOf(python);
    process.kill(keeper, 'SIGCONT');
    await generations.until(() => generations.alive().length === 1, 'the keeper to leave');
    expect(generations.stderr).toBe('');
    expect(await ask('hello')).toBe(`hello ${node}`);
    expect(generations.lines.map(({ msg }) => msg)).not.toContain('handing over');
  });

  test('gives up when its keeper stands still', async () => {
    const node = await startNode();
    const python = generations.execPython('word', {
      options: ['--ready-after', '0s', '--timeout', '100ms'],
    });
    const keeper = await keeperBeside(node, python.pid);
    process.kill(keeper, 'SIGSTOP');
    expect(await exitOf(python)).toEqual({ code: 4, signal: null });
    expect(generations.stderr).toMatch(/The keeper has not got the listening sockets in time/);
    process.kill(keeper, 'SIGCONT');
    await generations.until(() => generations.alive().length === 1, 'the keeper to leave');
    expect(await ask('hello')).toBe(`hello ${node}`);
  });
});

/** As soon as it is there: it takes a while until it can do anything. */
async function keeperBeside(node: number, program: number | undefined): Promise<number> {
  let keeper: number | undefined;
  await generations.until(() => {
    keeper = generations.alive().find((pid) => pid !== node && pid !== program && isKeeper(pid));
    return keeper !== undefined;
  }, 'the keeper');
  return keeper ?? 0;
}

/** And no more what it is started by. */
function isKeeper(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[1]?.endsWith('keeper.js') === true;
  } catch {
    return false;
  }
}
