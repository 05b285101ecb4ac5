import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
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

describe(
  'the death of a successor, after its private directory was removed,',
  requirement('addon', 'proc'),
  () => {
    /** Starts a server that has a private directory, and returns how to remove that. */
    async function serving(options: Record<string, unknown> = {}): Promise<() => void> {
      generations = new Generations();
      const runtime = join(generations.directory, 'runtime');
      mkdirSync(runtime, { mode: 0o700 });
      generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', ...options }] });
      generations.launch({ environment: { XDG_RUNTIME_DIR: runtime } });
      await generations.line('serving');
      return () => {
        for (const name of readdirSync(runtime)) rmSync(join(runtime, name), { recursive: true });
      };
    }

    test('is followed by a rollback all the same', async () => {
      const clean = await serving({ rollbackWindow: 60_000 });
      const first = generations.owner;
      const second = await generations.restart();
      clean();
      process.kill(second, 'SIGKILL');
      await generations.line('rolled back');
      expect(await generations.request('hello')).toBe(`hello ${first}`);
      const third = await generations.restart();
      expect(await generations.request('hello')).toBe(`hello ${third}`);
    });

    test('amid the hand-over is a failed restart and nothing else', async () => {
      const clean = await serving();
      const first = generations.owner;
      generations.deploy({
        servers: [{ bind: 'tcp://127.0.0.1:0' }],
        warmUp: 500,
        fault: { at: 'received:yours', action: 'kill' },
      });
      process.kill(first, 'SIGUSR1');
      await generations.line('taking over');
      clean();
      await generations.line('hand-over failed, serving on');
      expect(await generations.request('hello')).toBe(`hello ${first}`);
      generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0' }] });
      const third = await generations.restart();
      expect(await generations.request('hello')).toBe(`hello ${third}`);
    });
  },
);

test.for([
  ['pid file', 'pid'],
  ['control path', 'control'],
] as const)(
  'a new owner whose %s could not be put in place puts it there later',
  requirement('addon', 'proc'),
  async ([what, name]) => {
    generations = new Generations();
    const { controlPath, directory } = generations;
    const pidfilePath = join(directory, 'pid');
    const servers = [{ bind: 'tcp://127.0.0.1:0', controlPath, pidfilePath }];
    generations.deploy({ servers });
    generations.launch();
    await generations.line('serving');
    const first = generations.owner;
    generations.deploy({ servers, warmUp: 300 });
    process.kill(first, 'SIGUSR1');
    await generations.until(() => existsSync(`${pidfilePath}.next`), 'a successor to have prepared both');
    // Nothing can be renamed onto a directory.
    const path = join(directory, name);
    rmSync(path);
    mkdirSync(path);
    await generations.line(`the ${what} could not be put in place`);
    const { pid } = await generations.line('serving', (line) => line.pid !== first);
    rmdirSync(path);
    await generations.until(() => existsSync(path), 'it to be there');
    expect(readFileSync(pidfilePath, 'utf8')).toBe(`${pid}\n`);
    expect(await generations.order({ type: 'status' })).toMatchObject({ status: { pid } });
    const third = await generations.restart();
    await generations.until(() => generations.alive().length === 1, 'the others to leave');
    expect(readFileSync(pidfilePath, 'utf8')).toBe(`${third}\n`);
    expect(readdirSync(directory).filter((file) => file.endsWith('.next'))).toEqual([]);
  },
);
