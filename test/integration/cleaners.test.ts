import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Generations } from '../support/generations.js';
import { ownersOf } from '../support/one-owner.js';
import { requirement } from '../support/requirements.js';

let generations: Generations;
afterEach(async () => generations.end());

test.each<[string, string[]]>([
  ['a control path', ['control']],
  ['a lock file', ['control.lock']],
  ['a control path with its lock file', ['control', 'control.lock']],
])(
  '%s that a cleaner removed is made again before the next restart',
  requirement('addon', 'proc'),
  async (_what, names) => {
    generations = await Generations.start();
    for (const name of names) rmSync(join(generations.directory, name));
    generations.deploy({ startup: 'exit-3' });
    const first = generations.owner;
    process.kill(first, 'SIGUSR1');
    await generations.line('hand-over failed, serving on');
    expect(ownersOf(`${generations.controlPath}.lock`)).toBe(1);
    expect(await generations.order({ type: 'status' })).toMatchObject({ status: { pid: first } });
    generations.deploy({});
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
