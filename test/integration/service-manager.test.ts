/** A service manager that listens at NOTIFY_SOCKET knows at every moment who is the main process, and what it does. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Generations, type Version } from '../support/generations.js';
import { Notifications } from '../support/notifications.js';
import { requirement } from '../support/requirements.js';

let generations: Generations;
let manager: Notifications;
afterEach(async () => {
  await generations.end();
  manager.close();
});

interface Start extends Version {
  environment?: Record<string, string>;
  /** Options of its one server. */
  server?: Record<string, unknown>;
}

/** The first generation, told of the manager; resolves with its pid when it serves. */
async function start({ environment = {}, server = {}, ...version }: Start = {}): Promise<number> {
  generations = new Generations();
  manager = new Notifications(generations.directory);
  const { controlPath } = generations;
  generations.deploy({ ...version, servers: [{ bind: 'tcp://127.0.0.1:0', controlPath, ...server }] });
  generations.launch({ environment: { NOTIFY_SOCKET: manager.path, ...environment } });
  return (await generations.line('serving')).pid;
}

/** A connection that has been answered, and stays. */
async function hold(): Promise<Socket> {
  const held = connect(generations.port(), '127.0.0.1');
  held.write('hello\n');
  await once(held, 'data');
  return held;
}

/** Exactly these, in this order. */
async function told(...expected: string[]): Promise<void> {
  await generations.until(
    () => manager.states.length >= expected.length,
    `"${expected.join('; ')}" instead of "${manager.states.join('; ')}"`,
  );
  expect(manager.states).toEqual(expected);
}

describe('the service manager', requirement('addon', 'proc'), () => {
  test('hears of start, restart and stop, from whom it listens to', async () => {
    const first = await start();
    await told(`${first} MAINPID=${first} READY=1`);
    expect(manager.statuses[0]).toBe('starting');
    expect(manager.statuses.at(-1)).toBe('serving, generation 1');

    const before = process.hrtime.bigint() / 1000n;
    const second = await generations.restart();
    await generations.gone(first);
    await generations.until(() => manager.states.length === 4, 'all datagrams of the restart');
    const reload = manager.all.find(({ fields }) => fields['RELOADING'] !== undefined);
    // The clock of the kernel that systemd compares with.
    const uptime = Number(reload?.fields['MONOTONIC_USEC']) - Number(before);
    expect(uptime).toBeGreaterThanOrEqual(0);
    expect(uptime).toBeLessThan(10_000_000);
    // With NotifyAccess=main the first is not heard once the second is main: one datagram says both.
    const states = manager.states.slice(1);
    expect(states[0]).toBe(`${first} RELOADING=1`);
    expect(states.slice(1).sort()).toEqual(
      [`${first} MAINPID=${second} READY=1`, `${second} MAINPID=${second} READY=1`].sort(),
    );
    // What is shown last is what holds.
    expect(manager.statuses.at(-1)).toBe('serving, generation 2');
    // A process that has given the service away says no more.
    const handedOver = manager.all.findIndex(
      ({ pid, fields }) => pid === first && fields['MAINPID'] === String(second),
    );
    expect(manager.all.slice(handedOver + 1).filter(({ pid }) => pid === first)).toEqual([]);

    process.kill(second, 'SIGTERM');
    await generations.gone(second);
    await told(...manager.states.slice(0, 4), `${second} STOPPING=1`);
  });

  test('hears that a restart failed, and why', async () => {
    const first = await start();
    generations.deploy({ startup: 'exit-3' });
    process.kill(first, 'SIGUSR1');
    await generations.line('hand-over failed, serving on');
    await told(
      `${first} MAINPID=${first} READY=1`,
      `${first} RELOADING=1`,
      `${first} MAINPID=${first} READY=1`,
    );
    expect(manager.statuses.at(-1)).toMatch(/^serving on, the hand-over failed: .* exited with code 3/);
    // Whoever fails before it is the owner does not speak at all.
    expect(new Set(manager.all.map(({ pid }) => pid))).toEqual(new Set([first]));
  });

  test('hears that a restart which cannot even begin is over', async () => {
    const first = await start({ server: { startCommand: ['/no/such/program'] } });
    process.kill(first, 'SIGUSR1');
    await told(
      `${first} MAINPID=${first} READY=1`,
      `${first} RELOADING=1`,
      `${first} MAINPID=${first} READY=1`,
    );
  });

  test('hears who serves again after the new process has died', async () => {
    const first = await start();
    const held = await hold();
    generations.deploy({ fault: { at: 'sent:owner', action: 'kill' } });
    process.kill(first, 'SIGUSR1');
    await generations.line('rolled back');
    const { child } = await generations.line('started');
    await told(
      `${first} MAINPID=${first} READY=1`,
      `${first} RELOADING=1`,
      `${first} MAINPID=${Number(child)} READY=1`,
      `${first} MAINPID=${first} READY=1`,
    );
    expect(manager.statuses.at(-1)).toBe('serving again, generation 3');
    held.destroy();
  });

  test('hears from a process that took over by itself, and from the one before', async () => {
    const first = await start();
    generations.launch({ environment: { NOTIFY_SOCKET: manager.path } });
    const { pid: second } = await generations.line('serving', ({ pid }) => pid !== first);
    await generations.gone(first);
    await generations.until(() => manager.states.length === 4, 'all datagrams');
    expect(manager.states).toContain(`${first} RELOADING=1`);
    expect(manager.states).toContain(`${first} MAINPID=${second} READY=1`);
    expect(manager.states).toContain(`${second} MAINPID=${second} READY=1`);
  });

  test('hears from a start that fails why', async () => {
    await start();
    const since = manager.all.length;
    generations.deploy({ servers: [{ bind: `tcp://127.0.0.1:${generations.port()}` }] });
    generations.launch({ environment: { NOTIFY_SOCKET: manager.path } });
    await generations.line('could not start');
    await generations.until(
      () =>
        manager.all
          .slice(since)
          .some(({ fields }) => /^could not start: .* in use/.test(fields['STATUS'] ?? '')),
      'the reason',
    );
    expect(manager.states).toHaveLength(1);
  });

  test('gives a drain at the final stop the time it needs, if that has a limit', async () => {
    const first = await start({ server: { drainTimeout: 60_000 }, stay: true });
    const held = await hold();
    const since = manager.all.length;
    process.kill(first, 'SIGTERM');
    await generations.until(
      () => manager.all.slice(since).some(({ names }) => names === 'EXTEND_TIMEOUT_USEC'),
      'more time to be asked for',
    );
    expect(manager.all.slice(since).map(({ names }) => names)).toEqual([
      'STOPPING STATUS',
      'EXTEND_TIMEOUT_USEC',
    ]);
    held.destroy();
    await generations.gone(first);
  });

  test('that has a watchdog is fed by the owner, and by no other', async () => {
    const first = await start({ stay: true, environment: { WATCHDOG_USEC: '100000' } });
    const fed = (pid: number, since = 0): number =>
      manager.all.slice(since).filter((message) => message.pid === pid && message.names === 'WATCHDOG')
        .length;
    await generations.until(() => fed(first) > 3, 'the watchdog to be fed');
    const held = await hold();
    const second = await generations.restart();
    const since = manager.all.length;
    await generations.until(() => fed(second, since) > 5, 'the watchdog to be fed by the new process');
    expect(fed(first, since)).toBe(0);
    // It runs on the loop that serves: one that is stuck feeds nobody.
    await generations.evaluate(
      'setTimeout(() => { for (const end = Date.now() + 1000; Date.now() < end; ); }, 0) && 1',
    );
    const longest = (): number => {
      const times = manager.all.filter(({ names }) => names === 'WATCHDOG').map(({ at }) => at);
      return Math.max(...times.slice(1).map((at, index) => at - (times[index] ?? 0)));
    };
    await generations.until(() => longest() > 800, 'a gap');
    held.destroy();
  });

  test('that has the watchdog of another process is not fed', async () => {
    const first = await start({ environment: { WATCHDOG_USEC: '50000', WATCHDOG_PID: '1' } });
    const second = await generations.restart();
    await generations.gone(first);
    // The interval is meant for the service: whoever follows gets it without the pid.
    await generations.until(
      () => manager.all.some(({ pid, names }) => pid === second && names === 'WATCHDOG'),
      'the successor to feed it',
    );
    expect(manager.all.filter(({ pid, names }) => pid === first && names === 'WATCHDOG')).toEqual([]);
  });

  test('hears of the main process again when one of those before it was slow to name it', async () => {
    // It names the second when the third has long been the main process.
    const first = await start({ fault: { at: 'received:owner', action: 'stop' } });
    generations.deploy({});
    process.kill(first, 'SIGUSR1');
    const { pid: second } = await generations.line('serving', ({ generation }) => generation === 2);
    process.kill(second, 'SIGUSR1');
    const { pid: third } = await generations.line('serving', ({ generation }) => generation === 3);
    await generations.line('handed over', ({ pid }) => pid === second);
    const named = (by: number, main: number): number =>
      manager.all.findLastIndex(({ pid, fields }) => pid === by && fields['MAINPID'] === String(main));
    process.kill(first, 'SIGCONT');
    await generations.until(() => named(first, second) >= 0, 'the first to name the second');
    await generations.until(
      () => named(third, third) > named(first, second),
      'the third to name itself again',
    );
  });

  test('hears of a rollback by order', async () => {
    const first = await start({ server: { rollbackWindow: 60_000 } });
    const second = await generations.restart();
    await generations.line('drained', ({ pid }) => pid === first);
    const since = manager.states.length;
    expect(await generations.order({ type: 'rollback' })).toMatchObject({ type: 'rolled-back', pid: first });
    await generations.until(() => manager.states.length === since + 3, 'all datagrams of the rollback');
    const [begun, ...said] = manager.states.slice(since);
    expect(begun).toBe(`${second} RELOADING=1`);
    expect(said.sort()).toEqual(
      [`${second} MAINPID=${first} READY=1`, `${first} MAINPID=${first} READY=1`].sort(),
    );
    expect(manager.statuses.at(-1)).toBe('serving again, generation 3');
    // It ended the connection over which it drained, and is not lost.
    expect(generations.lines.filter(({ msg }) => msg === 'predecessor lost')).toEqual([]);
  });

  test('is hidden from what the program starts', async () => {
    await start({ environment: { WATCHDOG_USEC: '100000', WATCHDOG_PID: '' } });
    const seen = 'Object.keys(process.env).filter((name) => /^(NOTIFY|WATCHDOG)_/.test(name))';
    expect(await generations.evaluate(seen)).toEqual([]);
    const second = await generations.restart();
    expect(await generations.evaluate(seen)).toEqual([]);
    await generations.until(
      () => manager.all.some(({ pid, names }) => pid === second && names === 'WATCHDOG'),
      'the successor to have found both',
    );
  });

  test('that reads late is told of the successor before the main process leaves', async () => {
    const first = await start({ environment: { WATCHDOG_USEC: '2000' } });
    manager.read(false);
    await generations.line('the service manager could not be told', ({ err }) => err?.code === 'EAGAIN');
    const second = await generations.restart();
    await generations.line('leaving', ({ pid }) => pid === first);
    expect(await generations.request('hello')).toBe(`hello ${second}`);
    expect(generations.alive()).toContain(first);
    manager.read(true);
    await generations.gone(first);
    await generations.until(
      () => manager.all.some(({ pid, fields }) => pid === first && fields['MAINPID'] === String(second)),
      'the first to have named the second',
    );
  });

  test('that never reads is not waited for longer than some seconds', async () => {
    const first = await start({ environment: { WATCHDOG_USEC: '2000' } });
    manager.read(false);
    await generations.line('the service manager could not be told', ({ err }) => err?.code === 'EAGAIN');
    const second = await generations.restart();
    await generations.line('leaving', ({ pid }) => pid === first);
    const since = performance.now();
    expect(await generations.request('hello')).toBe(`hello ${second}`);
    await generations.gone(first);
    expect(performance.now() - since).toBeGreaterThan(3_000);
  });

  test('that is not there costs nothing but one line', async () => {
    const first = await start({ environment: { NOTIFY_SOCKET: '/nobody/listens/here' } });
    const second = await generations.restart();
    expect(await generations.request('hello')).toBe(`hello ${second}`);
    const said = generations.lines.filter(({ msg }) => msg === 'the service manager could not be told');
    expect(said.map(({ pid, level, err }) => [pid, level, err?.code])).toEqual([
      [first, 40, 'ENOENT'],
      [second, 40, 'ENOENT'],
    ]);
  });

  test('that does not read holds nobody up, and hears every change later, in order', async () => {
    const first = await start({ stay: true, environment: { WATCHDOG_USEC: '2000' } });
    manager.read(false);
    const held = await hold();
    await generations.line('the service manager could not be told', ({ err }) => err?.code === 'EAGAIN');
    generations.deploy({ startup: 'exit-3' });
    process.kill(first, 'SIGUSR1');
    await generations.line('hand-over failed, serving on');
    expect(await generations.request('hello')).toBe(`hello ${first}`);
    process.kill(first, 'SIGTERM');
    await generations.line('stopping');
    manager.read(true);
    await told(
      `${first} MAINPID=${first} READY=1`,
      `${first} RELOADING=1`,
      `${first} MAINPID=${first} READY=1`,
      `${first} STOPPING=1`,
    );
    held.destroy();
  });
});
