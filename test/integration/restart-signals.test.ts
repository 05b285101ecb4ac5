import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { Conversation } from '../support/conversation.js';
import { Generations, type StartOptions } from '../support/generations.js';
import { exitOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

let generations: Generations;
afterEach(async () => generations.end());

/** A first generation with these options; resolves when it serves. */
async function serving(options: Record<string, unknown>, start: StartOptions = {}): Promise<number> {
  generations = new Generations();
  const { controlPath } = generations;
  generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', controlPath, ...options }] });
  generations.launch(start);
  return (await generations.line('serving')).pid;
}

/** Waits until nothing is under way, queued or left over. Resolves with the owner. */
async function settled(): Promise<number> {
  for (;;) {
    // Whoever asks amid a change of owner is told `moved`, or nothing, and asks again.
    const answer = await generations.order({ type: 'status' }).catch(() => undefined);
    const { pid, state, restarting } =
      (answer !== undefined && 'status' in answer ? answer.status : undefined) ?? {};
    if (state === 'serving' && restarting === null && generations.alive().length === 1) return Number(pid);
  }
}

describe('the restart signal', requirement('addon', 'proc'), () => {
  test('in a process that drains is logged with the pid of the owner', async () => {
    const first = await serving({});
    const conversation = await Conversation.open(generations.port());
    const second = await generations.restart();
    process.kill(first, 'SIGUSR1');
    const line = await generations.line(
      `restart() cannot be called on a server that is draining. The owner is pid ${second}.`,
    );
    expect(line).toMatchObject({ pid: first, level: 40 });
    expect(await conversation.ask('keep on')).toBe(`keep on ${first}`);
    await conversation.end();
    await generations.gone(first);
    expect(await settled()).toBe(second);
  });

  test('fifty times in 100 ms is one restart that runs and at most one that is queued', async () => {
    const first = await serving({});
    // It must not leave before it got them all.
    const conversation = await Conversation.open(generations.port());
    for (let sent = 0; sent < 50; sent += 1) {
      process.kill(first, 'SIGUSR1');
      // The pace is what is tested: as one burst the kernel would make one signal of them.
      await delay(2);
    }
    await conversation.end();
    await generations.line('serving', ({ pid }) => pid !== first);
    const last = await settled();
    const said = generations.lines.map(({ msg }) => msg);
    const restarts = said.filter((msg) => msg === 'restarting').length;
    expect(restarts).toBe(said.some((msg) => msg.startsWith('restart queued')) ? 2 : 1);
    const { pid, generation } = await generations.line('serving', (line) => line.generation === 1 + restarts);
    expect({ pid, generation }).toEqual({ pid: last, generation: 1 + restarts });
  });

  test.each(['SIGUSR2', 'SIGHUP'])('may be %s', async (restartSignal) => {
    const first = await serving({ restartSignal });
    process.kill(first, restartSignal);
    await generations.line('restart ordered', ({ by }) => by === restartSignal);
    const second = (await generations.line('serving', ({ pid }) => pid !== first)).pid;
    expect(await generations.request('hello')).toBe(`hello ${second}`);
  });

  test('may be none: SIGUSR1 is then what Node makes of it, and orders still restart', async () => {
    const first = await serving({ restartSignal: null }, { execArgv: ['--inspect-port=127.0.0.1:0'] });
    process.kill(first, 'SIGUSR1');
    await generations.until(() => generations.stderr.includes('Debugger listening'), 'the inspector');
    expect(generations.lines.map(({ msg }) => msg)).not.toContain('restart ordered');
    const answer = await generations.order({ type: 'restart' });
    const { pid } = await generations.line('serving', ({ generation }) => generation === 2);
    expect(answer).toEqual({ type: 'restarted', pid, generation: 2 });
  });

  test('reaches a server whose Node was told to ignore SIGUSR1 (--disable-sigusr1, where it has that)', async () => {
    const flag = '--disable-sigusr1';
    const first = await serving(
      {},
      { execArgv: process.allowedNodeEnvironmentFlags.has(flag) ? [flag] : [] },
    );
    expect(await generations.restart()).not.toBe(first);
  });
});

describe('SIGHUP', requirement('addon'), () => {
  test.each([
    ['SIGUSR1', 'SIGUSR1 restarts, SIGTERM stops'],
    ['SIGUSR2', 'SIGUSR2 restarts, SIGTERM stops'],
    [null, 'SIGTERM stops'],
  ])(
    'ends nothing where there is no log file; with restartSignal %s it says: %s',
    async (restartSignal, says) => {
      generations = new Generations();
      const { controlPath } = generations;
      generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', controlPath, restartSignal }] });
      const child = generations.launch();
      await generations.line('serving');
      child.kill('SIGHUP');
      await generations.line(`SIGHUP ignored: no logPath to reopen; ${says}`);
      expect(await generations.request('hello')).toBe(`hello ${generations.owner}`);
    },
  );

  test('is left to the program where that has a handler of its own', async () => {
    generations = await Generations.start();
    await generations.evaluate("process.on('SIGHUP', () => console.log('mine')) && 1");
    process.kill(generations.owner, 'SIGHUP');
    await generations.until(() => generations.stray.includes('mine'), 'the handler of the program');
    expect(generations.lines.filter(({ msg }) => msg.startsWith('SIGHUP'))).toEqual([]);
  });

  test('opens the log file anew where there is one', async () => {
    generations = new Generations();
    const logPath = join(generations.directory, 'server.log');
    const says = (path: string, what: string): boolean =>
      existsSync(path) && readFileSync(path, 'utf8').includes(`"msg":"${what}"`);
    generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', logPath }] });
    const child = generations.launch();
    await generations.until(() => says(logPath, 'serving'), 'the log file');
    renameSync(logPath, `${logPath}.1`);
    child.kill('SIGHUP');
    await generations.until(() => existsSync(logPath), 'the new log file');
    child.kill('SIGTERM');
    await exitOf(child);
    expect(says(logPath, 'stopped')).toBe(true);
    expect(says(`${logPath}.1`, 'stopped')).toBe(false);
  });
});
