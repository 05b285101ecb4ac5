/** supervise: one pid that stays, whatever becomes of the generations below it. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { COMMAND, uninterruptible } from '../support/command.js';
import { ExecutedGenerations } from '../support/executed.js';
import { DEADLINE } from '../support/generations.js';
import { Notifications } from '../support/notifications.js';
import { nobody } from '../support/operated.js';
import { exitOf, stateOf, zombiesOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';
import {
  prepare,
  redeploy,
  restart,
  serverCommand,
  start,
  superviseCommand,
  supervisedServer,
} from '../support/supervised.js';

describe('a supervisor', requirement('addon', 'proc'), () => {
  test('stays through ten restarts by signal, leaves no zombie, and ends as the service does', async () => {
    const { generations, supervisor } = await start();
    const pids = new Set([generations.owner]);
    for (let round = 0; round < 10; round++) pids.add(await restart(generations, supervisor));
    expect(pids.size).toBe(11);
    expect(await generations.request('hello')).toBe(`hello ${generations.owner}`);
    await generations.until(
      () => generations.alive().length === 2,
      'supervisor and owner to be all there is',
    );
    await generations.until(() => zombiesOf(supervisor.pid ?? 0).length === 0, 'what has ended to be reaped');
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
    expect(generations.alive()).toEqual([]);
  });

  test('passes TERM on, and waits for what drains', async () => {
    const { generations, supervisor } = await start();
    const answer = generations.request('eval new Promise((done) => setTimeout(() => done(1), 300))');
    await generations.until(() => generations.lines.length > 0, 'a line');
    await generations.request('hello');
    supervisor.kill('SIGTERM');
    expect(await answer).toBe('1');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
  });

  test('ends with the exit code of a service that ends by itself', async () => {
    const { generations, supervisor } = await start();
    await restart(generations, supervisor);
    await generations.until(() => generations.alive().length === 2, 'the first to leave');
    void generations.evaluate('process.exit(7)').catch(() => undefined);
    expect(await exitOf(supervisor)).toEqual({ code: 7, signal: null });
  });

  test('ends with 0 when the owner has stopped, although only the one before sees it end', async () => {
    const { generations, supervisor } = await start({ server: { rollbackWindow: 60_000 } });
    const first = generations.owner;
    const second = await restart(generations, supervisor);
    // Its child is waited for by nobody meanwhile, and nobody waits for what it would say.
    process.kill(first, 'SIGSTOP');
    supervisor.kill('SIGTERM');
    await generations.until(() => stateOf(second) === 'Z', 'the owner to end');
    process.kill(first, 'SIGCONT');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
  });

  test('says that it passes no sockets on', async () => {
    const generations = nobody();
    const supervisor = generations.launch({
      command: superviseCommand('sh', '-c', 'test -z "$LISTEN_FDS"'),
      environment: { LISTEN_FDS: '1' },
    });
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
    expect(generations.stderr).toContain('are not passed on');
  });

  test('holds a restart back until the service is ready, which would kill it before', async () => {
    const generations = prepare({ warmUp: 500 });
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
    const { generations, supervisor } = await start({ environment: knows ? { NODE_OPTIONS: flag } : {} });
    expect(await restart(generations, supervisor)).toBeGreaterThan(0);
  });

  test('that gets TERM before the service is ready ends it', async () => {
    const generations = prepare({ warmUp: 'hang' });
    const supervisor = generations.launch({ command: supervisedServer(generations.optionsPath) });
    await generations.line('warming up');
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
  });

  test('keeps serving when the new version is bad', async () => {
    const { generations, supervisor } = await start();
    const first = generations.owner;
    redeploy(generations, { startup: 'exit-3' });
    supervisor.kill('SIGUSR1');
    await generations.line('hand-over failed, serving on');
    expect(await generations.request('hello')).toBe(`hello ${first}`);
    redeploy(generations, {});
    await restart(generations, supervisor);
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
  });

  test('of a wrapper signals the server, and ends as the wrapper does', async () => {
    const generations = prepare();
    const script = '"$@"; code=$?; echo "wrapped $code"; exit $code';
    const server = serverCommand(generations.optionsPath);
    const supervisor = generations.launch({ command: superviseCommand('sh', '-c', script, 'sh', ...server) });
    await generations.line('serving');
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
    expect(generations.stray).toEqual(['wrapped 0']);
  });

  test('tells its own service manager of the service, and that it is the main process itself', async () => {
    const generations = prepare();
    const manager = new Notifications(generations.directory);
    onTestFinished(() => manager.close());
    const supervisor = generations.launch({
      command: supervisedServer(generations.optionsPath),
      environment: { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: '100000', WATCHDOG_PID: '1' },
    });
    await generations.line('serving');
    await restart(generations, supervisor);
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
    ['no-such-program', 127, 'it is not in PATH, or its #! names none'],
    ['/etc/passwd', 126, 'it may not be executed'],
    ['/etc/passwd/x', 126, 'spawn ENOTDIR'],
  ] as const)('that cannot start %s ends with %i, as a shell does', async ([program, code, why]) => {
    const generations = nobody();
    const supervisor = generations.launch({ command: superviseCommand(program) });
    expect(await exitOf(supervisor)).toEqual({ code, signal: null });
    expect(generations.stderr).toContain(`${program} could not be started: ${why}\n`);
  });

  test('leaves no directory behind', async () => {
    const generations = nobody();
    const supervisor = generations.launch({
      command: superviseCommand('sh', '-c', 'test -S "$NOTIFY_SOCKET" && exit 9'),
      environment: { XDG_RUNTIME_DIR: generations.directory, RUNTIME_DIRECTORY: '' },
    });
    expect(await exitOf(supervisor)).toEqual({ code: 9, signal: null });
    expect(readdirSync(generations.directory)).toEqual([]);
  });

  test('waits for orphans that are no generation, and does not stay for them', async () => {
    const generations = nobody();
    const script = '(sleep 60 & (sleep 0.1; exit 3) & (exit 4) &) ; exit 5';
    const supervisor = generations.launch({ command: superviseCommand('sh', '-c', script) });
    expect(await exitOf(supervisor)).toEqual({ code: 5, signal: null });
  });
});

test(
  'a supervisor follows programs that know nothing of it, by what their keepers say',
  requirement('addon', 'proc', 'python3'),
  async () => {
    const executed = new ExecutedGenerations();
    onTestFinished(() => executed.end());
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
