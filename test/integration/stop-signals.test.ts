import { type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { Conversation } from '../support/conversation.js';
import { Generations, type Version } from '../support/generations.js';
import { exitOf, stateOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

let generations: Generations;
afterEach(async () => generations.end());

/** A repeat within this time is the same order; so a test that means a second one lets it pass. */
const SAME_ORDER_MILLISECONDS = 80;

/** A first generation whose exit can be seen. */
async function serving(version: Version = {}): Promise<{ child: ChildProcess; pid: number }> {
  generations = new Generations();
  generations.deploy(version);
  const child = generations.launch();
  const { pid } = await generations.line('serving');
  return { child, pid };
}

async function stopOrdered(pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM');
  await generations.line('stop ordered', (line) => line.pid === pid);
}

async function afterSameOrder(): Promise<void> {
  const since = performance.now();
  await generations.until(() => performance.now() - since > 2 * SAME_ORDER_MILLISECONDS, 'time to pass');
}

/** Options of a server that stays behind for a minute after it has drained. */
function staying(): Version {
  return { servers: [{ bind: 'tcp://127.0.0.1:0', rollbackWindow: 60_000 }] };
}

describe('TERM and INT are the final stop', requirement('addon', 'proc'), () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'while it starts: %s ends a cold warm-up, with 0',
    async (signal) => {
      generations = new Generations();
      generations.deploy({ warmUp: 'hang' });
      const child = generations.launch();
      const beside = `${generations.controlPath}.next`;
      await generations.until(() => existsSync(beside), 'the control socket beside its path');
      child.kill(signal);
      expect(await exitOf(child)).toEqual({ code: 0, signal: null });
      expect(readdirSync(generations.directory).sort()).toEqual(['control.lock', 'options.json']);
    },
  );

  test('while it takes over: it leaves, whoever asked is told, and the owner serves on', async () => {
    const { pid } = await serving();
    generations.deploy({ warmUp: 'hang' });
    const answer = generations.order({ type: 'restart' });
    const successor = (await generations.line('taking over')).pid;
    await stopOrdered(successor);
    expect(await answer).toMatchObject({ type: 'failed', code: 'UNINTERRUPTIBLE_RESTART_FAILED' });
    await generations.gone(successor);
    expect(await generations.request('hello')).toBe(`hello ${pid}`);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'while it serves: %s lets a connection finish first',
    async (signal) => {
      const { child, pid } = await serving();
      const conversation = await Conversation.open(generations.port());
      child.kill(signal);
      await generations.line('stopping');
      expect(await conversation.ask('keep on')).toBe(`keep on ${pid}`);
      await conversation.end();
      expect(await exitOf(child)).toEqual({ code: 0, signal: null });
    },
  );

  test('while it hands over: the exchange is cancelled, the child goes, and then the server stops', async () => {
    const { child } = await serving();
    generations.deploy({ warmUp: 'hang' });
    const answer = generations.order({ type: 'restart' });
    const successor = (await generations.line('taking over')).pid;
    child.kill('SIGTERM');
    expect(await exitOf(child)).toEqual({ code: 0, signal: null });
    expect(await answer).toMatchObject({ type: 'failed', code: 'UNINTERRUPTIBLE_STOPPED' });
    await generations.gone(successor);
    expect(readdirSync(generations.directory).sort()).toEqual(['control.lock', 'options.json']);
  });

  test('while a successor that nobody started takes over: that one hears `cancelled`', async () => {
    const { child } = await serving();
    generations.deploy({ warmUp: 'hang' });
    const successor = generations.launch();
    await generations.line('taking over');
    child.kill('SIGTERM');
    const { err } = await generations.line('could not start');
    expect(err).toMatchObject({ code: 'UNINTERRUPTIBLE_HANDOVER_CANCELLED' });
    expect(await exitOf(child)).toEqual({ code: 0, signal: null });
    expect((await exitOf(successor)).code).toBe(1);
  });

  test('between `yours` and `owner` it is meant for the service: the new owner stops too', async () => {
    const { child, pid } = await serving();
    generations.deploy({ fault: { at: 'received:yours', action: 'stop' } });
    child.kill('SIGUSR1');
    const successor = Number((await generations.line('started'))['child']);
    await generations.until(() => stateOf(successor) === 'T', 'the successor to be held');
    await stopOrdered(pid);
    process.kill(successor, 'SIGCONT');
    expect(await exitOf(child)).toEqual({ code: 0, signal: null });
    await generations.line('stop ordered', (line) => line.pid === successor);
    await generations.gone(successor);
    expect(readdirSync(generations.directory).sort()).toEqual(['control.lock', 'options.json']);
  });

  test('while it drains: it gives up the rollback and finishes its connections', async () => {
    const { child, pid } = await serving(staying());
    const conversation = await Conversation.open(generations.port());
    await generations.restart();
    await stopOrdered(pid);
    await generations.line('can no longer serve again', (line) => line.pid === pid);
    expect(await conversation.ask('keep on')).toBe(`keep on ${pid}`);
    await conversation.end();
    expect(await exitOf(child)).toEqual({ code: 0, signal: null });
    expect(await generations.request('hello')).toBe(`hello ${generations.owner}`);
  });

  test('while it drains it counts as the first: a second ends it at once, with 1', async () => {
    const { child, pid } = await serving(staying());
    const conversation = await Conversation.open(generations.port());
    await generations.restart();
    await stopOrdered(pid);
    await afterSameOrder();
    child.kill('SIGTERM');
    expect(await exitOf(child)).toEqual({ code: 1, signal: null });
    await conversation.closed;
    expect(await generations.request('hello')).toBe(`hello ${generations.owner}`);
  });

  test('while it stands by: it leaves at once, and the owner serves on', async () => {
    const { child } = await serving(staying());
    await generations.restart();
    await generations.line('drained');
    child.kill('SIGTERM');
    expect(await exitOf(child)).toEqual({ code: 0, signal: null });
    expect(await generations.request('hello')).toBe(`hello ${generations.owner}`);
  });
});

describe('a second TERM or INT', requirement('addon', 'proc'), () => {
  test('within 80 ms is the same order', async () => {
    const { child, pid } = await serving();
    const conversation = await Conversation.open(generations.port());
    child.kill('SIGTERM');
    child.kill('SIGINT');
    child.kill('SIGTERM');
    await generations.line('stopping');
    expect(await conversation.ask('keep on')).toBe(`keep on ${pid}`);
    await conversation.end();
    expect(await exitOf(child)).toEqual({ code: 0, signal: null });
  });

  test('later ends the process at once, with 1', async () => {
    const { child, pid } = await serving();
    const conversation = await Conversation.open(generations.port());
    await stopOrdered(pid);
    await afterSameOrder();
    child.kill('SIGINT');
    expect(await exitOf(child)).toEqual({ code: 1, signal: null });
    await conversation.closed;
  });

  test('takes a new process along that could become the owner', async () => {
    const { child, pid } = await serving();
    generations.deploy({ fault: { at: 'received:offer', action: 'stop' } });
    child.kill('SIGUSR1');
    const successor = Number((await generations.line('started'))['child']);
    await generations.until(() => stateOf(successor) === 'T', 'the successor to be held');
    await stopOrdered(pid);
    await afterSameOrder();
    child.kill('SIGTERM');
    expect(await exitOf(child)).toEqual({ code: 1, signal: null });
    expect(generations.alive()).toEqual([]);
  });
});

describe('a stop that meets a restart', requirement('addon', 'proc'), () => {
  test('in the same turn takes the new process along', async () => {
    const { child } = await serving();
    // From inside, so that they arrive in this order and at once.
    await generations.evaluate("['SIGUSR1', 'SIGTERM'].map((signal) => process.kill(process.pid, signal))");
    expect(await exitOf(child)).toEqual({ code: 0, signal: null });
    expect(generations.alive()).toEqual([]);
  });

  test('is not followed by the restart that came after it', async () => {
    generations = new Generations();
    // It takes a second to end such a child.
    const startCommand = 'trap "" TERM; while :; do sleep 1; done';
    const { controlPath } = generations;
    generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', controlPath, startCommand }] });
    const child = generations.launch();
    const { pid } = await generations.line('serving');
    child.kill('SIGUSR1');
    await generations.line('started');
    await stopOrdered(pid);
    child.kill('SIGUSR1');
    await generations.line('stopped');
    expect(await exitOf(child)).toEqual({ code: 0, signal: null });
    const said = generations.lines.map(({ msg }) => msg);
    expect(said.filter((msg) => msg === 'restart ordered')).toHaveLength(2);
    expect(said.filter((msg) => msg === 'restarting')).toHaveLength(1);
    expect(generations.alive()).toEqual([]);
  });
});
