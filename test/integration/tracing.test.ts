/** What whoever traces is told: each step of both sides in its order, with the time since it began. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StepEvent } from '../../src/diagnostics.js';
import { Conversation } from '../support/conversation.js';
import { Generations, type Version } from '../support/generations.js';
import { requirement } from '../support/requirements.js';

type Traced = StepEvent & { msg: 'traced' };

/** Run in each process before the library is loaded: a line for each step. */
const TRACER = `
  import { subscribe } from 'node:diagnostics_channel';
  subscribe('uninterruptible:handover', (event) => console.log(JSON.stringify({ ...event, msg: 'traced' })));
`;

let generations: Generations;
beforeEach(() => {
  generations = new Generations();
});
afterEach(async () => {
  await generations.end();
});

function deploy(version: Version = {}): void {
  const { controlPath } = generations;
  generations.deploy({
    servers: [{ bind: 'tcp://127.0.0.1:0', controlPath, rollbackWindow: 60_000 }],
    ...version,
  });
}

async function start(): Promise<number> {
  deploy({ probe: 'ok' });
  const NODE_OPTIONS = `--import data:text/javascript,${encodeURIComponent(TRACER)}`;
  generations.launch({ environment: { NODE_OPTIONS } });
  return (await generations.line('serving')).pid;
}

function traced(pid: number): Traced[] {
  return generations.lines.filter((line) => line.msg === 'traced' && line.pid === pid) as unknown as Traced[];
}

/** Waits until a process has come to a step, and gives all until then, in words. */
async function stepsTo(last: string, pid: number, since = 0): Promise<string[]> {
  const steps = (): string[] =>
    traced(pid)
      .slice(since)
      .map(({ operation, step }) => `${operation}: ${step}`);
  await generations.until(() => steps().includes(last), `${pid} to trace "${last}"`);
  return steps().slice(0, steps().indexOf(last) + 1);
}

describe('steps', requirement('addon', 'proc'), () => {
  test('of a restart are told by both, with durations', async () => {
    const first = await start();
    expect(await stepsTo('start: serving', first)).toEqual([
      'start: starting',
      'start: warming up',
      'start: probing',
      'start: serving',
    ]);
    deploy({ warmUp: 100 });
    const since = traced(first).length;
    const second = await generations.restart();
    expect(await stepsTo('drain: standing by', first, since)).toEqual([
      'hand-over: restarting',
      'hand-over: started',
      'hand-over: handing over',
      'hand-over: successor ready',
      'hand-over: handed over',
      'drain: draining',
      'drain: drained',
      'drain: standing by',
    ]);
    expect(await stepsTo('start: serving', second)).toEqual([
      'start: starting',
      'start: taking over',
      'start: warming up',
      'start: ready',
      'start: serving',
    ]);
    const all = [...traced(first).slice(since), ...traced(second)];
    const at = (step: string): number => all.find((event) => event.step === step)?.milliseconds ?? -1;
    expect(at('starting')).toBeGreaterThanOrEqual(0);
    expect(at('ready') - at('warming up')).toBeGreaterThan(95);
    expect(at('handed over')).toBeGreaterThan(at('handing over') + 95);
    expect(at('drained')).toBeLessThan(at('handed over'));
    expect(all.find(({ step }) => step === 'handed over')).toMatchObject({
      pid: first,
      generation: 1,
      successor: second,
    });
  });

  test('of rollbacks, by order and by death, are told by both', async () => {
    const first = await start();
    deploy();
    const second = await generations.restart();
    await stepsTo('drain: standing by', first);
    let since = traced(first).length;
    await generations.order({ type: 'rollback' });
    expect(await stepsTo('rollback: rolled back', first, since)).toEqual([
      'rollback: taking back',
      'rollback: rolled back',
    ]);
    expect((await stepsTo('drain: standing by', second)).slice(5)).toEqual([
      'hand-over: rolling back',
      'hand-over: handing over',
      'hand-over: successor ready',
      'hand-over: handed over',
      'drain: draining',
      'drain: drained',
      'drain: standing by',
    ]);
    since = traced(second).length;
    process.kill(first, 'SIGKILL');
    expect(await stepsTo('rollback: rolled back', second, since)).toEqual([
      'rollback: successor vanished',
      'rollback: rolled back',
    ]);
    expect(traced(second).findLast(({ step }) => step === 'rolled back')).toMatchObject({
      successor: first,
      why: 'the successor died',
    });
  });

  test('of what fails are told', async () => {
    const first = await start();
    deploy({ warmUp: 'reject' });
    const since = traced(first).length;
    process.kill(first, 'SIGUSR1');
    expect((await stepsTo('hand-over: hand-over failed', first, since)).at(-1)).toBe(
      'hand-over: hand-over failed',
    );
    const { pid } = await generations.line('could not start');
    expect(await stepsTo('start: could not start', pid)).toEqual([
      'start: starting',
      'start: taking over',
      'start: warming up',
      'start: could not start',
    ]);
  });

  test('of a stop are told, and of who leaves', async () => {
    const first = await start();
    deploy();
    const held = await Conversation.open(generations.port());
    const second = await generations.restart();
    const since = (await stepsTo('start: serving', second)).length;
    process.kill(second, 'SIGTERM');
    await stepsTo('stop: stopping', second, since);
    await held.end();
    expect(await stepsTo('drain: leaving', first)).toContain('drain: drained');
    await generations.gone(second);
    expect(await stepsTo('stop: stopped', second, since)).toEqual([
      'stop: stopping',
      'drain: draining',
      'drain: drained',
      'stop: stopped',
    ]);
  });
});
