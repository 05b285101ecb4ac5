/** The units of examples/systemd, run by systemd itself. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { COMMAND } from '../support/command.js';
import { Generations, type Version } from '../support/generations.js';
import { type LoadHandle, startLoad } from '../support/load/index.js';
import { requirement } from '../support/requirements.js';
import { Systemd } from '../support/systemd.js';

const SERVER = fileURLToPath(new URL('../fixtures/server.mjs', import.meta.url));
const RESTART = `${process.execPath} ${COMMAND} restart --control`;
const RELOADS = 10;

let generations: Generations;
let systemd: Systemd;
/** The same, if it is to be ended. */
let made: Systemd | undefined;
/** `Type=notify-reload`, or what the comment in the unit says for older versions of systemd. */
let byNotification: boolean;
let load: LoadHandle | undefined;
let port: number;

beforeEach(async () => {
  generations = new Generations();
  byNotification = await Systemd.hasNotifyReload();
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as { port: number });
  server.close();
});

afterEach(async () => {
  await load?.kill();
  load = undefined;
  await generations.end();
  await made?.end();
  made = undefined;
});

/** The example's service with the server of the tests; its log is followed. */
async function install(version: Version = {}, lines: Record<string, string> = {}): Promise<void> {
  const { directory, controlPath, optionsPath } = generations;
  deploy(version);
  systemd = made = new Systemd(generations);
  await systemd.start();
  const log = join(directory, 'log');
  await systemd.install('echo.service', {
    ...(byNotification
      ? {}
      : { 'Type=': 'Type=notify', 'ReloadSignal=': `ExecReload=${RESTART} ${controlPath}` }),
    ...lines,
    'User=': `StandardOutput=append:${log}`,
    'WorkingDirectory=': `StandardError=append:${log}`,
    'Environment=APP_ROOT': '',
    'ExecStart=': `ExecStart=${process.execPath} ${SERVER} ${optionsPath}`,
    'Environment=CONTROL_PATH': `Environment=CONTROL_PATH=${controlPath}`,
  });
  generations.launch({ command: ['tail', '-F', '-n', '+1', log] });
}

function deploy(version: Version): void {
  generations.deploy({ servers: [{ bind: `tcp://127.0.0.1:${port}?backlog=4096` }], ...version });
}

/** A reload, and what the new process said; it has ended when this resolves. */
async function reload(): Promise<number> {
  const since = generations.lines.length;
  await systemd.control('reload', 'echo.service');
  const { pid } = await generations.line('serving', undefined, since);
  await generations.line('handed over', undefined, since);
  await expectState({ ActiveState: 'active', SubState: 'running', MainPID: String(pid) });
  return pid;
}

/** What systemd thinks, now or soon. */
async function expectState(expected: Record<string, string>): Promise<void> {
  let state: Record<string, string> = {};
  for (const deadline = performance.now() + 15_000; performance.now() < deadline; ) {
    const all = await systemd.show('echo.service');
    state = Object.fromEntries(Object.keys(expected).map((name) => [name, all[name] ?? '']));
    if (Object.entries(expected).every(([name, value]) => state[name] === value)) return;
  }
  expect(state).toEqual(expected);
}

describe('under systemd', requirement('addon', 'systemctl', 'systemd'), () => {
  test(`${RELOADS} reloads under load lose nobody, and a stop waits for what drains`, async () => {
    await install({ stay: true });
    await systemd.control('start', 'echo.service');
    await generations.line('serving');
    load = await startLoad({
      target: { port },
      rate: 300,
      answer: 'echo-pid',
      longLived: { count: 10, interval: 100, holdFor: 1_500 },
    });
    for (let reloads = 0; reloads < RELOADS; reloads++) await reload();
    const { losses, longLived, pids } = await load.stop();
    expect(losses).toEqual([]);
    expect(longLived?.cuts).toEqual([]);
    expect(Object.keys(pids).length).toBeGreaterThan(RELOADS / 2);
    const { StatusText, NRestarts } = await systemd.show('echo.service');
    expect([StatusText, NRestarts]).toEqual([`serving, generation ${RELOADS + 1}`, '0']);

    const answer = generations.request('eval new Promise((done) => setTimeout(() => done(1), 500))', {
      port,
    });
    await generations.request('hello', { port });
    await systemd.control('stop', 'echo.service');
    expect(await answer).toBe('1');
    await expectState({ ActiveState: 'inactive', Result: 'success', ExecMainStatus: '0' });
  });

  test('a new version that fails leaves the unit active, and its status says why', async () => {
    await install();
    await systemd.control('start', 'echo.service');
    const { pid } = await generations.line('serving');
    deploy({ startup: 'exit-3' });
    const reloaded = systemd.control('reload', 'echo.service');
    await (byNotification ? reloaded : expect(reloaded).rejects.toThrow(/Job for echo.service failed/));
    await generations.line('hand-over failed, serving on');
    await expectState({ ActiveState: 'active', SubState: 'running', MainPID: String(pid) });
    expect((await systemd.show('echo.service'))['StatusText']).toMatch(
      /hand-over failed: .* exited with code 3/,
    );
  });

  test('the process before serves again when the new one dies, and is the main process again', async () => {
    await install();
    await systemd.control('start', 'echo.service');
    const { pid: first } = await generations.line('serving');
    await reload();
    await generations.request('die', { port }).catch(() => undefined);
    await generations.line('rolled back');
    expect(await generations.request('hello', { port })).toBe(`hello ${first}`);
    await expectState({ ActiveState: 'active', SubState: 'running', MainPID: String(first), NRestarts: '0' });
    await reload();
    expect((await systemd.show('echo.service'))['NRestarts']).toBe('0');
  });

  test('the process before is the main process again after a rollback by order, and then the next one', async () => {
    await install();
    await systemd.control('start', 'echo.service');
    const { pid: first } = await generations.line('serving');
    const second = await reload();
    await generations.line('drained', ({ pid }) => pid === first);
    expect(await generations.order({ type: 'rollback' })).toMatchObject({ type: 'rolled-back', pid: first });
    await expectState({ MainPID: String(first), StatusText: 'serving again, generation 3' });
    expect(await generations.request('hello', { port })).toBe(`hello ${first}`);
    // The second, which was the main process, leaves: the unit is not ended with it.
    await generations.request(`eval process.kill(${second}, 'SIGTERM')`, { port });
    await generations.line('leaving', ({ pid }) => pid === second);
    const third = await reload();
    expect(await generations.request('hello', { port })).toBe(`hello ${third}`);
    await expectState({ ActiveState: 'active', MainPID: String(third), NRestarts: '0' });
  });

  test('a service that died where nobody could serve again is started again, whoever saw it', async () => {
    await install({ stay: true });
    await systemd.control('start', 'echo.service');
    const { pid: first } = await generations.line('serving');
    const held = connect(port, '127.0.0.1');
    held.write('hello\n');
    await once(held, 'data');
    const second = await reload();
    await generations.request(`eval process.kill(${first}, 'SIGTERM')`, { port });
    await generations.line('can no longer serve again', ({ pid }) => pid === first);
    // Its parent is the first: systemd does not see it die.
    await generations.request('die', { port }).catch(() => undefined);
    held.destroy();
    await generations.line('leaving', ({ pid }) => pid === first);
    const { pid: third } = await generations.line('serving', ({ pid }) => pid !== first && pid !== second);
    await expectState({ ActiveState: 'active', SubState: 'running', MainPID: String(third), NRestarts: '1' });
  });

  test('a loop that is stuck is found out by the watchdog, and the service started again', async () => {
    await install({}, { 'WatchdogSec=': 'WatchdogSec=1s\nLimitCORE=0' });
    await systemd.control('start', 'echo.service');
    const { pid: first } = await generations.line('serving');
    await generations.request('eval setImmediate(() => { for (;;); }) && 1', { port });
    const { pid: second } = await generations.line('serving', ({ pid }) => pid !== first);
    expect(await generations.request('hello', { port })).toBe(`hello ${second}`);
    await expectState({ ActiveState: 'active', MainPID: String(second), NRestarts: '1' });
  });

  test('a stop amid a reload ends everything', async () => {
    await install();
    await systemd.control('start', 'echo.service');
    const { pid: first } = await generations.line('serving');
    deploy({ warmUp: 'hang' });
    const reloaded = systemd.control('reload', 'echo.service').catch(() => undefined);
    await generations.line('warming up', ({ pid }) => pid !== first);
    await systemd.control('stop', 'echo.service');
    await reloaded;
    await generations.line('stopped', ({ pid }) => pid === first);
    // A command that waited for the reload was ended as well, which counts as a failure.
    const ActiveState = byNotification ? 'inactive' : 'failed';
    await expectState({ ActiveState, SubState: byNotification ? 'dead' : 'failed', MainPID: '0' });
    expect((await systemd.show('echo.service'))['ExecMainStatus']).toBe('0');
  });

  test('with echo.socket the port is open before, and through a crash', async () => {
    await install();
    await systemd.install('echo.socket', { 'ListenStream=': `ListenStream=127.0.0.1:${port}` });
    await systemd.control('start', 'echo.socket');
    // Nobody serves yet: the first client starts it.
    expect(await generations.request('hello', { port })).toMatch(/^hello \d+$/);
    const { pid: first } = await generations.line('serving');
    expect(generations.lines.filter(({ level }) => level >= 40)).toEqual([]);
    const second = await reload();
    expect(await generations.request('hello', { port })).toBe(`hello ${second}`);
    await generations.request(`eval process.kill(${first}, 'SIGKILL')`, { port });
    await generations.line('predecessor lost');
    const since = generations.lines.length;
    await generations.request('die', { port }).catch(() => undefined);
    const waiting = generations.request('hello', { port });
    const { pid: third } = await generations.line('serving', undefined, since);
    expect(await waiting).toBe(`hello ${third}`);
    await expectState({ ActiveState: 'active', MainPID: String(third), NRestarts: '1' });
  });
});
