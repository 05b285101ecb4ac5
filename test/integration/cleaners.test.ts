import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Generations } from '../support/generations.js';
import { requirement } from '../support/requirements.js';

let generations: Generations;
afterEach(async () => generations.end());

test.each(['control', 'control.lock'])(
  'a %s that a cleaner removed is made again before the next restart',
  requirement('addon'),
  async (name) => {
    generations = await Generations.start();
    rmSync(join(generations.directory, name));
    const second = await generations.restart();
    expect(await generations.order({ type: 'status' })).toMatchObject({
      status: { pid: second, generation: 2 },
    });
    const third = await generations.restart();
    expect(await generations.request('hello')).toBe(`hello ${third}`);
    await generations.until(() => generations.alive().length === 1, 'the others to leave');
  },
);

test(
  'so is the private directory around it, and nothing stays at the final stop',
  requirement('addon'),
  async () => {
    generations = new Generations();
    const runtime = join(generations.directory, 'runtime');
    mkdirSync(runtime, { mode: 0o700 });
    generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0' }] });
    generations.launch({ environment: { XDG_RUNTIME_DIR: runtime } });
    await generations.line('serving');
    for (const name of readdirSync(runtime)) rmSync(join(runtime, name), { recursive: true });
    const second = await generations.restart();
    expect(await generations.request('hello')).toBe(`hello ${second}`);
    process.kill(second, 'SIGTERM');
    await generations.until(() => generations.alive().length === 0, 'everybody to leave');
    expect(readdirSync(runtime)).toEqual([]);
  },
);
