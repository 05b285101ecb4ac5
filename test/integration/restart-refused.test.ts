import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { Generations } from '../support/generations.js';
import { exitOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/server.mjs', import.meta.url));

let generations: Generations;
afterEach(async () => generations.end());

test(
  'pid 1 starts no successor, but hands over to a process that comes by itself',
  requirement('addon', 'namespaces'),
  async () => {
    generations = new Generations();
    generations.deploy({});
    const namespaces = ['--user', '--map-root-user', '--pid', '--fork', '--mount-proc', '--kill-child'];
    const server = [process.execPath, FIXTURE, generations.optionsPath];
    const container = generations.launch({ command: ['unshare', ...namespaces, ...server] });
    expect((await generations.line('serving')).pid).toBe(1);
    expect(await generations.order({ type: 'restart' })).toMatchObject({
      type: 'failed',
      code: 'UNINTERRUPTIBLE_RESTART_AS_PID_1',
    });
    expect(await generations.request('hello')).toBe('hello 1');

    generations.launch();
    const { pid } = await generations.line('serving', ({ generation }) => generation === 2);
    expect(await generations.request('hello')).toBe(`hello ${pid}`);
    expect(await exitOf(container)).toEqual({ code: 0, signal: null });
    expect(generations.alive()).toEqual([pid]);
  },
);

test(
  'a process whose user has changed starts no successor, which would not be let in',
  requirement('addon', 'root'),
  async () => {
    generations = await Generations.start();
    const first = generations.owner;
    await generations.evaluate('process.seteuid(65534)');
    expect(await generations.order({ type: 'restart' })).toMatchObject({
      type: 'failed',
      code: 'UNINTERRUPTIBLE_RESTART_UID_CHANGED',
    });
    expect(await generations.request('hello')).toBe(`hello ${first}`);
    await generations.evaluate('process.seteuid(0)');
    expect(await generations.restart()).not.toBe(first);
  },
);
