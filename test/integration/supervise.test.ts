/** supervise: one pid that stays, whatever becomes of the generations below it. */
import { type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Binding } from '../../src/binding.js';
import { nativeBinding } from '../native/support.js';
import { COMMAND, uninterruptible } from '../support/command.js';
import { ExecutedGenerations } from '../support/executed.js';
import { DEADLINE, Generations, type Version } from '../support/generations.js';
import { Notifications } from '../support/notifications.js';
import { exitOf, stateOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';
import { asPid1, serverCommand, superviseCommand, supervisedServer } from '../support/supervised.js';

let generations: Generations;
let manager: Notifications | undefined;
afterEach(async () => {
  await generations.end();
  manager?.close();
  manager = undefined;
});

interface Start extends Version {
  server?: Record<string, unknown>;
  environment?: Record<string, string>;
}

function prepare({ server = {}, environment: _, ...version }: Start = {}): void {
  generations = new Generations();
  redeploy({ server, ...version });
}

function redeploy({ server = {}, environment: _, ...version }: Start): void {
  const { controlPath } = generations;
  generations.deploy({ ...version, servers: [{ bind: 'tcp://127.0.0.1:0', controlPath, ...server }] });
}

/** The supervisor; resolves when its service serves. */
async function start(options: Start = {}): Promise<ChildProcess> {
  prepare(options);
  const supervisor = generations.launch({
    command: supervisedServer(generations.optionsPath),
    environment: options.environment ?? {},
  });
  await generations.line('serving');
  return supervisor;
}

/** A restart by a signal to the supervisor. Resolves with the pid of whoever serves then. */
async function restart(supervisor: ChildProcess): Promise<number> {
  const since = generations.lines.length;
  supervisor.kill('SIGUSR1');
  const { pid } = await generations.line('serving', undefined, since);
  await generations.line('handed over', undefined, since);
  return pid;
}

/** Where the process was told to speak. */
function notifySocketOf(pid: number): string {
  const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  return (
    environment.find((entry) => entry.startsWith('NOTIFY_SOCKET='))?.slice('NOTIFY_SOCKET='.length) ?? ''
  );
}

/** False if the receiver has too much to read (net.unix.max_dgram_qlen). */
function sent(binding: Binding, socket: string, text: string): boolean {
  try {
    binding.sendDatagram(socket, Buffer.from(text));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
    throw error;
  }
}

/** Zombies whose parent is this process. */
function zombiesOf(parent: number): number {
  return readdirSync('/proc').filter((name) => {
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state, parentPid] = text.slice(text.lastIndexOf(')') + 2).split(' ');
      return state === 'Z' && Number(parentPid) === parent;
    } catch {
      return false;
    }
  }).length;
}

describe('a supervisor', requirement('addon', 'proc'), () => {
  test('stays through ten restarts by signal, leaves no zombie, and ends as the service does', async () => {
    const supervisor = await start();
    const pids = new Set([generations.owner]);
    for (let round = 0; round < 10; round++) pids.add(await restart(supervisor));
    expect(pids.size).toBe(11);
    expect(await generations.request('hello')).toBe(`hello ${generations.owner}`);
    await generations.until(
      () => generations.alive().length === 2,
      'supervisor and owner to be all there is',
    );
    await generations.until(() => zombiesOf(supervisor.pid ?? 0) === 0, 'what has ended to be reaped');
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
    expect(generations.alive()).toEqual([]);
  });

  test('passes TERM on, and waits for what drains', async () => {
    const supervisor = await start();
    const answer = generations.request('eval new Promise((done) => setTimeout(() => done(1), 300))');
    await generations.until(() => generations.lines.length > 0, 'a line');
    await generations.request('hello');
    supervisor.kill('SIGTERM');
    expect(await answer).toBe('1');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
  });

  test('ends with the exit code of a service that ends by itself', async () => {
    const supervisor = await start();
    await restart(supervisor);
    await generations.until(() => generations.alive().length === 2, 'the first to leave');
    void generations.evaluate('process.exit(7)').catch(() => undefined);
    expect(await exitOf(supervisor)).toEqual({ code: 7, signal: null });
  });

  test('ends with 0 when the owner has stopped, although only the one before sees it end', async () => {
    const supervisor = await start({ server: { rollbackWindow: 60_000 } });
    const first = generations.owner;
    const second = await restart(supervisor);
    // Its child is waited for by nobody meanwhile, and nobody waits for what it would say.
    process.kill(first, 'SIGSTOP');
    supervisor.kill('SIGTERM');
    await generations.until(() => stateOf(second) === 'Z', 'the owner to end');
    process.kill(first, 'SIGCONT');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
  });

  test('ends although a stranger never stops talking', async () => {
    const supervisor = await start();
    const socket = notifySocketOf(generations.owner);
    let isOver = false;
    const talk = (): void => {
      if (isOver) return;
      // It goes away with the supervisor.
      try {
        for (let said = 0; said < 50; said++) sent(nativeBinding(), socket, 'STATUS=stranger');
      } catch {
        isOver = true;
      }
      setImmediate(talk);
    };
    talk();
    process.kill(generations.owner, 'SIGKILL');
    try {
      expect(await exitOf(supervisor)).toEqual({ code: 137, signal: null });
    } finally {
      isOver = true;
    }
  });

  test('ends with 128 + n when signal n ended the last generation, and starts nothing again', async () => {
    const supervisor = await start();
    await restart(supervisor);
    await generations.until(() => generations.alive().length === 2, 'the first to leave');
    process.kill(generations.owner, 'SIGKILL');
    expect(await exitOf(supervisor)).toEqual({ code: 137, signal: null });
    expect(generations.alive()).toEqual([]);
  });

  test('follows a rollback: the owner dies while the one before stands by', async () => {
    const supervisor = await start({ server: { rollbackWindow: 60_000 } });
    const first = generations.owner;
    const second = await restart(supervisor);
    await generations.line('drained', ({ pid }) => pid === first);
    process.kill(second, 'SIGKILL');
    await generations.line('rolled back');
    expect(await generations.request('hello')).toBe(`hello ${first}`);
    // Signals go to the first again, and the next restart is its own.
    const third = await restart(supervisor);
    expect(third).not.toBe(second);
    expect(await generations.request('hello')).toBe(`hello ${third}`);
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
  });

  test('follows the first that dies while the second takes over', async () => {
    const supervisor = await start();
    redeploy({ fault: { at: 'received:offer', action: 'stop' } });
    supervisor.kill('SIGUSR1');
    const { child } = await generations.line('started');
    await generations.until(() => stateOf(Number(child)) === 'T', 'the new process to be stopped');
    process.kill(generations.owner, 'SIGKILL');
    process.kill(Number(child), 'SIGCONT');
    await generations.line('serving', ({ pid }) => pid === child);
    expect(await generations.request('hello')).toBe(`hello ${Number(child)}`);
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
  });

  test('waits for the second that gets ready when the first has died amid the restart', async () => {
    const supervisor = await start();
    redeploy({ warmUp: 4_500 });
    supervisor.kill('SIGUSR1');
    const { pid: second } = await generations.line('warming up', ({ pid }) => pid !== generations.owner);
    process.kill(generations.owner, 'SIGKILL');
    await generations.line('serving', ({ pid }) => pid === second);
    expect(await generations.request('hello')).toBe(`hello ${second}`);
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
  });

  test('ends when the second fails and the first has died amid the restart', async () => {
    const supervisor = await start();
    redeploy({ warmUp: 'hang' });
    supervisor.kill('SIGUSR1');
    const { pid: second } = await generations.line('warming up', ({ pid }) => pid !== generations.owner);
    process.kill(generations.owner, 'SIGKILL');
    process.kill(second, 'SIGKILL');
    expect(await exitOf(supervisor)).toEqual({ code: 137, signal: null });
  });

  test('believes nobody but those who serve', async () => {
    prepare({ warmUp: 500 });
    manager = new Notifications(generations.directory);
    const supervisor = generations.launch({
      command: supervisedServer(generations.optionsPath),
      environment: { NOTIFY_SOCKET: manager.path },
    });
    const { pid: server } = await generations.line('warming up');
    const liarsFriend = generations.launch({ command: ['sleep', '60'] });
    const socket = notifySocketOf(server);
    await generations.line('serving');
    await generations.until(() => manager?.states.length === 1, 'READY=1');
    // Of this user, or of root, and no generation.
    const binding = nativeBinding();
    const garbage = [
      '',
      '=',
      '\0',
      'MAINPID=',
      'MAINPID=-1',
      'MAINPID=1',
      'MAINPID=1e99',
      `MAINPID=${server}x`,
    ];
    // It names the main process, as a keeper does, and then this one.
    const lies = [`MAINPID=${server}`, `MAINPID=${server}\nSTATUS=stranger`, `MAINPID=${liarsFriend.pid}`];
    // Of the last one, which is cut, what it says last would be missing.
    const long = 'x\n'.repeat(50_000);
    for (const text of [
      ...garbage,
      ...lies,
      ...['STOPPING=1', `MAINPID=${supervisor.pid}`, 'READY=1\nSTATUS=stranger', long],
    ]) {
      await generations.until(() => sent(binding, socket, text), 'room in the queue of the supervisor');
    }
    await restart(supervisor);
    await generations.until(() => generations.alive().length === 3, 'the first to leave');
    expect(manager.statuses).not.toContain('stranger');
    expect(manager.states.join()).not.toContain('STOPPING');
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
  });

  test('still hears who serves after a cleaner has removed what it listens at', async () => {
    prepare();
    const runtime = join(generations.directory, 'runtime');
    mkdirSync(runtime, { mode: 0o700 });
    const supervisor = generations.launch({
      command: supervisedServer(generations.optionsPath),
      environment: { XDG_RUNTIME_DIR: runtime, RUNTIME_DIRECTORY: '' },
    });
    const { pid: first } = await generations.line('serving');
    const socket = notifySocketOf(first);
    expect(dirname(dirname(socket))).toBe(runtime);
    rmSync(dirname(socket), { recursive: true });
    await generations.until(() => existsSync(socket), 'it to be made again');
    const second = await restart(supervisor);
    const third = await restart(supervisor);
    await generations.until(() => generations.alive().length === 2, 'the others to leave');
    expect([third === second, await generations.request('hello')]).toEqual([false, `hello ${third}`]);
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
    expect(readdirSync(runtime)).toEqual([]);
  });

  test('that is killed leaves the service alone, and started again takes it over', async () => {
    const killed = await start();
    const first = generations.owner;
    killed.kill('SIGKILL');
    await exitOf(killed);
    expect(await generations.request('hello')).toBe(`hello ${first}`);
    const supervisor = generations.launch({ command: supervisedServer(generations.optionsPath) });
    const { pid: second } = await generations.line('serving', ({ generation }) => generation === 2);
    await generations.gone(first);
    expect(await restart(supervisor)).not.toBe(second);
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
    expect(generations.alive()).toEqual([]);
  });

  test('says that it passes no sockets on', async () => {
    generations = new Generations();
    const supervisor = generations.launch({
      command: superviseCommand('sh', '-c', 'test -z "$LISTEN_FDS"'),
      environment: { LISTEN_FDS: '1' },
    });
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
    expect(generations.stderr).toContain('are not passed on');
  });

  test('holds a restart back until the service is ready, which would kill it before', async () => {
    prepare({ warmUp: 500 });
    const supervisor = generations.launch({ command: supervisedServer(generations.optionsPath) });
    await generations.until(() => generations.alive().length === 2, 'the child to be started');
    for (let times = 0; times < 3; times++) supervisor.kill('SIGUSR1');
    const { pid: second } = await generations.line('serving', ({ generation }) => generation === 2);
    await generations.until(() => generations.alive().length === 2, 'the first to leave');
    expect(await generations.request('hello')).toBe(`hello ${second}`);
    expect(generations.lines.filter(({ msg }) => msg === 'restart ordered')).toHaveLength(1);
  });

  test('restarts at USR1 although Node was told to ignore it (--disable-sigusr1, where it has that)', async () => {
    const flag = '--disable-sigusr1';
    const knows = process.allowedNodeEnvironmentFlags.has(flag);
    const supervisor = await start({ environment: knows ? { NODE_OPTIONS: flag } : {} });
    expect(await restart(supervisor)).toBeGreaterThan(0);
  });

  test('that gets TERM before the service is ready ends it', async () => {
    prepare({ warmUp: 'hang' });
    const supervisor = generations.launch({ command: supervisedServer(generations.optionsPath) });
    await generations.line('warming up');
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
  });

  test('keeps serving when the new version is bad', async () => {
    const supervisor = await start();
    const first = generations.owner;
    redeploy({ startup: 'exit-3' });
    supervisor.kill('SIGUSR1');
    await generations.line('hand-over failed, serving on');
    expect(await generations.request('hello')).toBe(`hello ${first}`);
    redeploy({});
    await restart(supervisor);
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
  });

  test('of a wrapper signals the server, and ends as the wrapper does', async () => {
    prepare();
    const script = '"$@"; code=$?; echo "wrapped $code"; exit $code';
    const server = serverCommand(generations.optionsPath);
    const supervisor = generations.launch({ command: superviseCommand('sh', '-c', script, 'sh', ...server) });
    await generations.line('serving');
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
    expect(generations.stray).toEqual(['wrapped 0']);
  });

  test('tells its own service manager of the service, and that it is the main process itself', async () => {
    prepare();
    manager = new Notifications(generations.directory);
    const supervisor = generations.launch({
      command: supervisedServer(generations.optionsPath),
      environment: { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: '100000', WATCHDOG_PID: '1' },
    });
    await generations.line('serving');
    await restart(supervisor);
    await generations.until(() => generations.alive().length === 2, 'the first to leave');
    supervisor.kill('SIGTERM');
    await exitOf(supervisor);
    const { all } = manager;
    await generations.until(() => all.at(-1)?.fields['STOPPING'] === '1', 'the last word');
    expect(new Set(all.map(({ pid }) => pid))).toEqual(new Set([supervisor.pid]));
    expect(all.flatMap(({ names }) => names.split(' '))).not.toContain('MAINPID');
    const states = all.map(({ names }) =>
      names.replace(/ ?(STATUS|EXTEND_TIMEOUT_USEC|MONOTONIC_USEC)/g, ''),
    );
    expect(states.filter((names) => names !== '')).toEqual([
      'READY',
      'RELOADING',
      'READY',
      'READY',
      'STOPPING',
    ]);
  });

  test.for([
    ['/no/such/program', 127, 'there is no such file, or its #! names none'],
    ['no-such-program', 127, 'it is not in PATH'],
    ['/etc/passwd', 126, 'it may not be executed'],
  ] as const)('that cannot start %s ends with %i, as a shell does', async ([program, code, why]) => {
    generations = new Generations();
    const supervisor = generations.launch({ command: superviseCommand(program) });
    expect(await exitOf(supervisor)).toEqual({ code, signal: null });
    expect(generations.stderr).toContain(`${program} could not be started: ${why}\n`);
  });

  test('leaves no directory behind', async () => {
    generations = new Generations();
    const supervisor = generations.launch({
      command: superviseCommand('sh', '-c', 'test -S "$NOTIFY_SOCKET" && exit 9'),
      environment: { XDG_RUNTIME_DIR: generations.directory, RUNTIME_DIRECTORY: '' },
    });
    expect(await exitOf(supervisor)).toEqual({ code: 9, signal: null });
    expect(readdirSync(generations.directory)).toEqual([]);
  });

  test('waits for orphans that are no generation, and does not stay for them', async () => {
    generations = new Generations();
    const script = '(sleep 60 & (sleep 0.1; exit 3) & (exit 4) &) ; exit 5';
    const supervisor = generations.launch({ command: superviseCommand('sh', '-c', script) });
    expect(await exitOf(supervisor)).toEqual({ code: 5, signal: null });
  });
});

describe('a supervisor as pid 1', requirement('addon', 'namespaces'), () => {
  test('stays through ten restarts, leaves no zombie, drains at TERM, and passes the exit code on', async () => {
    prepare();
    const server = supervisedServer(generations.optionsPath);
    // The zombies of a pid namespace are seen from inside.
    const container = generations.launch({ command: asPid1(server) });
    expect((await generations.line('serving')).pid).toBeGreaterThan(1);
    const [supervisor] = generations.alive().filter((pid) => isPid1(pid));
    expect(supervisor).toBeDefined();
    for (let round = 1; round <= 10; round++) {
      process.kill(supervisor ?? 0, 'SIGUSR1');
      await generations.line('serving', ({ generation }) => generation === round + 1);
      await generations.line('handed over', ({ generation }) => generation === round);
    }
    await generations.until(() => zombiesOf(supervisor ?? 0) === 0, 'no zombie to be left');
    expect(await generations.request('hello')).toMatch(/^hello \d+$/);
    const answer = generations.request('eval new Promise((done) => setTimeout(() => done(1), 300))');
    await generations.request('hello');
    process.kill(supervisor ?? 0, 'SIGTERM');
    expect(await answer).toBe('1');
    expect(await exitOf(container)).toEqual({ code: 0, signal: null });
  });

  test('ends with the code of a new version that crashes as the owner', async () => {
    prepare();
    const container = generations.launch({ command: asPid1(supervisedServer(generations.optionsPath)) });
    await generations.line('serving');
    const [supervisor] = generations.alive().filter((pid) => isPid1(pid));
    process.kill(supervisor ?? 0, 'SIGUSR1');
    await generations.line('leaving');
    void generations.evaluate('process.exit(42)').catch(() => undefined);
    expect(await exitOf(container)).toEqual({ code: 42, signal: null });
  });
});

/** Whether it is pid 1 in its own namespace (the last number of NSpid). */
function isPid1(pid: number): boolean {
  const numbers =
    /^NSpid:(.*)$/m
      .exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
      ?.trim()
      .split(/\s+/) ?? [];
  return numbers.length > 1 && numbers.at(-1) === '1';
}

test(
  'a supervisor follows programs that know nothing of it, by what their keepers say',
  requirement('addon', 'proc', 'python3'),
  async () => {
    const executed = new ExecutedGenerations();
    generations = executed;
    const { controlPath, unixPath, directory } = executed;
    const script = join(directory, 'start.sh');
    const exec = [
      process.execPath,
      COMMAND,
      'exec',
      '--control',
      controlPath,
      '--bind',
      `unix://${unixPath}`,
    ];
    const words = [
      ...exec,
      '--ready-after',
      '100ms',
      '--start-command',
      `sh ${script}`,
      '--',
      ...executed.python('x'),
    ];
    writeFileSync(script, `exec ${words.map((word) => `'${word}'`).join(' ')}\n`);
    const supervisor = executed.launch({ command: superviseCommand('sh', script) });
    const pids = new Set<number>();
    for (let round = 0; round < 3; round++) {
      if (round > 0) {
        expect(await uninterruptible(['restart', '--control', controlPath, '--wait-drained'])).toMatchObject({
          code: 0,
        });
      }
      await expect
        .poll(
          () =>
            executed.status().then(
              ({ state }) => state,
              () => '',
            ),
          { timeout: DEADLINE },
        )
        .toBe('serving');
      pids.add((await executed.status()).pid);
    }
    expect(pids.size).toBe(3);
    // It serves when it has lived for a while, which may be before it has begun.
    await executed.request('hello', { path: unixPath });
    // Only of the main process a stop is the end of the service.
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
    expect(executed.alive()).toEqual([]);
  },
);
