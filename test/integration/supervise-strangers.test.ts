/** What a supervisor hears from those whom it must not believe, and where it hears those whom it must. */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { nativeBinding } from '../native/support.js';
import { Notifications } from '../support/notifications.js';
import { exitOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';
import { notifySocketOf, prepare, restart, sent, start, supervisedServer } from '../support/supervised.js';

describe('a supervisor', requirement('addon', 'proc'), () => {
  test('ends although a stranger never stops talking', async () => {
    const { generations, supervisor } = await start();
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

  test('believes nobody but those who serve', async () => {
    const generations = prepare({ warmUp: 500 });
    const manager = new Notifications(generations.directory);
    onTestFinished(() => manager.close());
    const supervisor = generations.launch({
      command: supervisedServer(generations.optionsPath),
      environment: { NOTIFY_SOCKET: manager.path },
    });
    const { pid: server } = await generations.line('warming up');
    const liarsFriend = generations.launch({ command: ['sleep', '60'] });
    const socket = notifySocketOf(server);
    await generations.line('serving');
    await generations.until(() => manager.states.length === 1, 'READY=1');
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
    await restart(generations, supervisor);
    await generations.until(() => generations.alive().length === 3, 'the first to leave');
    expect(manager.statuses).not.toContain('stranger');
    expect(manager.states.join()).not.toContain('STOPPING');
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
  });

  test('still hears who serves after a cleaner has removed what it listens at', async () => {
    const generations = prepare();
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
    const second = await restart(generations, supervisor);
    const third = await restart(generations, supervisor);
    await generations.until(() => generations.alive().length === 2, 'the others to leave');
    expect([third === second, await generations.request('hello')]).toEqual([false, `hello ${third}`]);
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
    expect(readdirSync(runtime)).toEqual([]);
  });
});
