/** Processes that were launched by themselves take over through a control path they share. */

import { afterEach, describe, expect, test } from 'vitest';
import { Generations } from '../support/generations.js';
import { startLoad } from '../support/load/index.js';
import { requirement } from '../support/requirements.js';

let generations: Generations;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  await generations.end();
});

async function load() {
  const handle = await startLoad({ target: { port: generations.port() }, rate: 300, answer: 'echo-pid' });
  cleanups.push(() => handle.kill());
  return handle;
}

describe('a program that was launched by itself', { ...requirement('addon'), timeout: 60_000 }, () => {
  test('takes over from the one that runs, which leaves: nothing is lost', async () => {
    generations = await Generations.start();
    const first = generations.owner;
    const clients = await load();
    const second = generations.launch();
    await generations.line('serving', ({ pid }) => pid === second.pid);
    await generations.gone(first);
    expect(await clients.stop()).toMatchObject({ lost: 0 });
    expect(await generations.request('hello')).toBe(`hello ${second.pid}`);
  });
});

describe('two supervisors with one control path', { ...requirement('addon'), timeout: 60_000 }, () => {
  test('change the owner once a second at most, and nothing is lost', async () => {
    generations = await Generations.start();
    const clients = await load();
    let running = true;
    cleanups.push(() => {
      running = false;
    });
    const supervise = (): void => {
      generations.launch().once('exit', () => running && supervise());
    };
    supervise();
    supervise();
    const serving = () => generations.lines.filter(({ msg }) => msg === 'serving');
    await generations.until(() => serving().length >= 5, 'three changes of owner after the first');
    running = false;
    // A process that starts cold may be taken over from at once.
    const times = serving()
      .slice(1)
      .map(({ time }) => new Date(String(time)).getTime());
    const gaps = times.slice(1).map((time, at) => time - (times[at] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThan(950);
    expect(await clients.stop()).toMatchObject({ lost: 0 });
  });
});
