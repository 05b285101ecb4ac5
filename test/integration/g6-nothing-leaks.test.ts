/** G6: however often it was restarted, or failed to be, nothing is left behind. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { EchoGenerations } from '../support/echo.js';
import { Generations, type Version } from '../support/generations.js';
import { type LoadHandle, startLoad } from '../support/load/index.js';
import { descriptorKindsOf, residentMemory, zombiesOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

const RESTARTS = 300;
/** Generations whose memory is compared: one alone may have been caught with more garbage than others. */
const SAMPLES = 19;

let generations: Generations;
let load: LoadHandle | undefined;

afterEach(async () => {
  await load?.kill();
  load = undefined;
  await generations.end();
});

/** Everything but memory that could pile up around the owner, one word each. */
function belongings(): string[] {
  const { owner, directory } = generations;
  return [
    ...descriptorKindsOf(owner).map((target) => `descriptor: ${target}`),
    ...zombiesOf(owner).map(() => 'zombie'),
    ...generations.alive().map(() => 'process'),
    ...readdirSync(directory, { recursive: true }).map((name) => `file: ${String(name)}`),
  ];
}

/** Waits until there is no more of anything than there was; what is being closed needs a moment. */
async function expectNoMoreThan(before: readonly string[]): Promise<void> {
  let added: string[] = [];
  const hasNoMore = (): boolean => {
    added = belongings();
    for (const thing of before) if (added.includes(thing)) added.splice(added.indexOf(thing), 1);
    return added.length === 0;
  };
  await generations.until(hasNoMore, 'it to be as it was').catch(() => undefined);
  expect(added).toEqual([]);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

test('G6: 300 restarts leave descriptors, zombies, temporary files and memory as they were after ten', {
  ...requirement('addon', 'proc'),
  timeout: 300_000,
}, async () => {
  generations = new EchoGenerations();
  const temporary = join(generations.directory, 'tmp');
  const pidfilePath = join(generations.directory, 'pid');
  mkdirSync(temporary);
  // No controlPath, so that the private directory, which is in the temporary one, is looked at too.
  generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', pidfilePath }] });
  generations.launch({ environment: { TMPDIR: temporary, XDG_RUNTIME_DIR: '', RUNTIME_DIRECTORY: '' } });
  await generations.line('serving');
  const memory: number[] = [];
  const restart = async (times: number): Promise<void> => {
    const longLived = { count: 2, interval: 50, holdFor: 200 };
    const target = { port: generations.port() };
    load = await startLoad({ target, rate: 50, answer: 'echo-pid', longLived });
    // All are looked at in the same moment of their life.
    for (let done = 0; done < times; done += 1) memory.push(residentMemory(await generations.restart()));
    expect(await load.stop()).toMatchObject({ lost: 0, longLived: { cuts: [] } });
    await generations.until(() => generations.alive().length === 1, 'earlier generations to leave');
  };
  await restart(10);
  const afterTen = belongings();
  await restart(RESTARTS - 10);
  await expectNoMoreThan(afterTen);
  expect(readFileSync(pidfilePath, 'utf8')).toBe(`${generations.owner}\n`);
  expect(median(memory.slice(-SAMPLES))).toBeLessThan(median(memory.slice(0, SAMPLES)) * 1.1);
  expect(generations.stderr).toBe('');
});

const failures: [does: string, times: number, options: { startCommand?: string[] }, version: Version][] = [
  ['exits at once', 100, { startCommand: ['false'] }, {}],
  // More often than an AbortSignal takes listeners without a warning.
  ['fails its warm-up', 15, {}, { warmUp: 'reject' }],
];

test.for(failures)(
  'G6: a new version that %s leaves nothing behind, %i times',
  requirement('addon', 'proc'),
  async ([_does, times, options, version]) => {
    generations = new Generations();
    const { controlPath } = generations;
    const servers = [{ bind: 'tcp://127.0.0.1:0', controlPath, ...options }];
    generations.deploy({ servers });
    generations.launch();
    await generations.line('serving');
    generations.deploy({ servers, ...version });
    const fail = async (): Promise<void> => {
      expect(await generations.order({ type: 'restart' })).toMatchObject({ type: 'failed' });
    };
    await fail();
    const afterOne = belongings();
    for (let failed = 1; failed < times; failed += 1) await fail();
    await expectNoMoreThan(afterOne);
    expect(generations.stderr).not.toContain('Warning');
    expect(await generations.request('hello')).toBe(`hello ${generations.owner}`);
  },
);
