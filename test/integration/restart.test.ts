import { afterEach, expect, test } from 'vitest';
import { Generations } from '../support/generations.js';
import { requirement } from '../support/requirements.js';

let generations: Generations;
afterEach(async () => generations.end());

test(
  'a restart by signal hands the port to a new process and the old one leaves',
  requirement('addon'),
  async () => {
    generations = await Generations.start();
    const first = generations.owner;
    const port = generations.port();
    expect(await generations.request('hello')).toBe(`hello ${first}`);
    const second = await generations.restart();
    expect(second).not.toBe(first);
    expect(generations.port()).toBe(port);
    expect(await generations.request('hello')).toBe(`hello ${second}`);
    const { program } = await generations.line('handing over');
    expect(program).toMatch(/^uninterruptible@\d/);
    expect(await generations.order({ type: 'status' })).toMatchObject({ status: { program } });
    await generations.gone(first);
    expect(generations.alive()).toEqual([second]);
  },
);

test('status and restart are orders of the control socket', requirement('addon'), async () => {
  generations = await Generations.start();
  expect(await generations.order({ type: 'status' })).toMatchObject({
    type: 'status',
    status: { state: 'serving', generation: 1, pid: generations.owner },
  });
  const answer = await generations.order({ type: 'restart' });
  const { pid } = await generations.line('serving', ({ generation }) => generation === 2);
  expect(answer).toEqual({ type: 'restarted', pid, generation: 2 });
});

test('SIGTERM drains, removes what is ours and exits 0', requirement('addon'), async () => {
  generations = await Generations.start();
  process.kill(generations.owner, 'SIGTERM');
  await generations.gone(generations.owner);
  const { readdirSync } = await import('node:fs');
  expect(readdirSync(generations.directory).sort()).toEqual(['control.lock', 'options.json']);
});

test('a new version that throws is a non-event', requirement('addon'), async () => {
  generations = await Generations.start();
  const owner = generations.owner;
  generations.deploy({ startup: 'throw' });
  const answer = await generations.order({ type: 'restart' });
  expect(answer).toMatchObject({ type: 'failed', code: 'UNINTERRUPTIBLE_RESTART_EXITED' });
  expect(answer).toHaveProperty('lastWords', expect.stringContaining('the new version throws'));
  expect(await generations.request('hello')).toBe(`hello ${owner}`);
});

test(
  'the old process serves again when the new one dies while it stands by',
  requirement('addon'),
  async () => {
    const servers = [{ bind: 'tcp://127.0.0.1:0', rollbackWindow: 10_000 }];
    generations = await Generations.start({ servers });
    const first = generations.owner;
    const second = await generations.restart();
    await generations.line('drained');
    process.kill(second, 'SIGKILL');
    await generations.line('rolled back');
    expect(await generations.request('hello')).toBe(`hello ${first}`);
  },
);
