/** supervise, and the death of an owner, a successor, or its own. */
import { describe, expect, test } from 'vitest';
import { exitOf, stateOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';
import { redeploy, restart, start, supervisedServer } from '../support/supervised.js';

describe('a supervisor', requirement('addon', 'proc'), () => {
  test('ends with 128 + n when signal n ended the last generation, and starts nothing again', async () => {
    const { generations, supervisor } = await start();
    await restart(generations, supervisor);
    await generations.until(() => generations.alive().length === 2, 'the first to leave');
    process.kill(generations.owner, 'SIGKILL');
    expect(await exitOf(supervisor)).toEqual({ code: 137, signal: null });
    expect(generations.alive()).toEqual([]);
  });

  test('follows a rollback: the owner dies while the one before stands by', async () => {
    const { generations, supervisor } = await start({ server: { rollbackWindow: 60_000 } });
    const first = generations.owner;
    const second = await restart(generations, supervisor);
    await generations.line('drained', ({ pid }) => pid === first);
    process.kill(second, 'SIGKILL');
    await generations.line('rolled back');
    expect(await generations.request('hello')).toBe(`hello ${first}`);
    // Signals go to the first again, and the next restart is its own.
    const third = await restart(generations, supervisor);
    expect(third).not.toBe(second);
    expect(await generations.request('hello')).toBe(`hello ${third}`);
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
  });

  test('follows the first that dies while the second takes over', async () => {
    const { generations, supervisor } = await start();
    redeploy(generations, { fault: { at: 'received:offer', action: 'stop' } });
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
    const { generations, supervisor } = await start();
    redeploy(generations, { warmUp: 4_500 });
    supervisor.kill('SIGUSR1');
    const { pid: second } = await generations.line('warming up', ({ pid }) => pid !== generations.owner);
    process.kill(generations.owner, 'SIGKILL');
    await generations.line('serving', ({ pid }) => pid === second);
    expect(await generations.request('hello')).toBe(`hello ${second}`);
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
  });

  test('ends when the second fails and the first has died amid the restart', async () => {
    const { generations, supervisor } = await start();
    redeploy(generations, { warmUp: 'hang' });
    supervisor.kill('SIGUSR1');
    const { pid: second } = await generations.line('warming up', ({ pid }) => pid !== generations.owner);
    process.kill(generations.owner, 'SIGKILL');
    process.kill(second, 'SIGKILL');
    expect(await exitOf(supervisor)).toEqual({ code: 137, signal: null });
  });

  test('that is killed leaves the service alone, and started again takes it over', async () => {
    const { generations, supervisor: killed } = await start();
    const first = generations.owner;
    killed.kill('SIGKILL');
    await exitOf(killed);
    expect(await generations.request('hello')).toBe(`hello ${first}`);
    const supervisor = generations.launch({ command: supervisedServer(generations.optionsPath) });
    const { pid: second } = await generations.line('serving', ({ generation }) => generation === 2);
    await generations.gone(first);
    expect(await restart(generations, supervisor)).not.toBe(second);
    supervisor.kill('SIGTERM');
    expect(await exitOf(supervisor)).toEqual({ code: 0, signal: null });
    expect(generations.alive()).toEqual([]);
  });
});
