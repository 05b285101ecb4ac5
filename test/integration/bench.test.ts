/** The benchmarks at a tiny size: each runs, and gives what the page is made from. Their numbers mean nothing here. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { readmeSection } from '../../bench/page/readme.mjs';
import { environmentOfNode } from '../support/packed.js';
import { requirement } from '../support/requirements.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = join(ROOT, 'bench/main.mjs');
/** pm2 would have to be installed; the others are not on every machine. */
const CONTENDERS = ['uninterruptible', 'node:cluster', 'kill and start'];

const folder = mkdtempSync(join(tmpdir(), 'bench-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function bench(...words: string[]): Promise<{ code: number | null; output: string }> {
  const only = CONTENDERS.flatMap((name) => ['--only', name]);
  const child = spawn(process.execPath, [PROGRAM, '--size', 'tiny', '--out', folder, ...only, ...words], {
    env: environmentOfNode(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: child.exitCode, output: output + errors };
}

async function resultOf(scenario: string): Promise<Record<string, unknown>> {
  const { code, output } = await bench(scenario);
  expect(output).not.toContain('FAILED');
  expect(code, output).toBe(0);
  return JSON.parse(readFileSync(join(folder, 'results', `${scenario}.json`), 'utf8')) as Record<
    string,
    unknown
  >;
}

const NUMBER = expect.any(Number) as number;
const SPREAD = { median: NUMBER, least: NUMBER, greatest: NUMBER };
const LATENCIES = { p50: NUMBER, p99: NUMBER, p999: NUMBER, max: NUMBER };

describe('the benchmark', requirement('addon', 'proc'), () => {
  test('of restarts under load tells losses, latencies, times and memory of each contender', async () => {
    const { machine, size, runs } = await resultOf('restart');
    expect(machine).toMatchObject({ cores: NUMBER, node: process.version });
    expect(size).toBe('tiny');
    const known = runs as { contender: string; protocol: string }[];
    expect(known.map(({ contender, protocol }) => `${contender} ${protocol}`)).toEqual(
      ['echo', 'http'].flatMap((protocol) => CONTENDERS.map((name) => `${name} ${protocol}`)),
    );
    for (const run of known) {
      expect(run).toMatchObject({
        restarts: 1,
        latency: { around: LATENCIES, apart: LATENCIES },
        firstAnswer: SPREAD,
        memory: { steady: NUMBER, peak: NUMBER },
        timeline: { at: expect.arrayContaining([0]) as number[] },
        orders: [NUMBER],
      });
    }
    const own = known.filter(({ contender }) => contender === 'uninterruptible');
    for (const run of own) {
      expect(run).toMatchObject({
        failed: { failed: 0 },
        longLived: { cutIdle: 0, cutInRequest: 0, unanswered: 0, failedToOpen: 0 },
      });
    }
    // What is measured can be seen.
    const killed = known.filter(({ contender }) => contender === 'kill and start');
    for (const run of killed) expect(run).not.toMatchObject({ failed: { failed: 0 } });
  });

  test('of bad new versions tells how long the service is down, and what the tool says', async () => {
    const { runs } = await resultOf('bad-deploy');
    expect(runs).toMatchObject([
      {
        contender: 'uninterruptible',
        exitCode: 6,
        failed: { failed: 0 },
        outage: { total: 0, toTheEnd: false },
      },
      { contender: 'node:cluster', exitCode: null, failed: { failed: 0 } },
      { contender: 'kill and start', exitCode: 1, outage: { total: NUMBER, toTheEnd: true } },
    ]);
  });

  test('of the steady state compares with Node alone', requirement('openssl'), async () => {
    const { loads, idle } = await resultOf('steady');
    const one = { rate: SPREAD, cpu: SPREAD };
    expect(loads).toEqual(
      ['net', 'https'].flatMap((kind) =>
        ['requests', 'connections'].map((mode) => ({ kind, mode, raw: one, library: one, ratio: one })),
      ),
    );
    const memory = { resident: SPREAD, heap: SPREAD };
    expect(idle).toEqual([{ kind: 'net', count: 50, raw: memory, library: memory }]);
  });

  test('of the hand-over tells where the time goes', async () => {
    const { exchanges, phases, ownLogger, large, empty, bare } = await resultOf('hand-over');
    expect(exchanges).toEqual([1, 253].map((listeners) => ({ listeners, exchange: SPREAD })));
    const loaded = ['spawn', 'node', 'program', 'import', 'configure'];
    const exchanged = ['ask', 'offer', 'prepare', 'give', 'own', 'after'];
    const names = [...loaded, ...exchanged, 'total', 'ownShare'];
    const spreads = Object.fromEntries(names.map((name) => [name, SPREAD]));
    expect(phases).toEqual(spreads);
    expect(ownLogger).toEqual(spreads);
    expect(large).toEqual({ megabytes: 50, spawn: SPREAD, nodeSpawn: SPREAD });
    expect(empty).toEqual(SPREAD);
    expect(bare).toEqual({ node: SPREAD, program: SPREAD, listen: SPREAD, total: SPREAD });
  });

  test('of the drain tells the longest turn and the time to leave', async () => {
    const { runs } = await resultOf('drain');
    const turn = { real: NUMBER, processor: NUMBER };
    const run = { connections: 100, before: turn, since: turn, exit: NUMBER };
    expect(runs).toEqual([
      { protocol: 'echo', told: 100, ...run },
      { protocol: 'http', told: 0, ...run },
    ]);
  });

  test('writes the page, whole, from what is there', async () => {
    const { code } = await bench('page');
    expect(code).toBe(0);
    const page = readFileSync(join(folder, 'benchmarks.md'), 'utf8');
    expect(page.match(/^## .*/gm)).toHaveLength(5);
    expect(page).not.toMatch(/NaN|undefined|\[object|Not measured yet/);
    const plots = [...page.matchAll(/!\[[^\]]+\]\((.+)\)/g)].map(([, path]) => path ?? '');
    expect(plots).toHaveLength(2);
    for (const path of plots) expect(readFileSync(join(folder, path), 'utf8')).toMatch(/^<svg .*xmlns/);
  });

  test('the page of the repository is what its results make of it', async () => {
    const results = join(ROOT, 'bench/results');
    const copy = join(folder, 'repository');
    cpSync(results, join(copy, 'results'), { recursive: true });
    expect((await bench('page', '--out', copy)).code).toBe(0);
    const written = readFileSync(join(copy, 'benchmarks.md'), 'utf8');
    expect(readFileSync(join(ROOT, 'docs/benchmarks.md'), 'utf8')).toBe(written);
    const restarts: unknown = JSON.parse(readFileSync(join(results, 'restart.json'), 'utf8'));
    expect(readFileSync(join(ROOT, 'README.md'), 'utf8')).toContain(
      readmeSection(restarts, 'docs/plots/restart-http-1000.svg'),
    );
  });

  test('says what it does not know, before it measures anything', async () => {
    const { code, output } = await bench('restrat');
    expect(code).toBe(2);
    expect(output).toContain('no scenario is called restrat; there are restart, bad-deploy, steady');
    expect(existsSync(join(folder, 'results', 'restrat.json'))).toBe(false);
    const unknown = await bench('restart', '--only', 'ngnix');
    expect(unknown.code).toBe(2);
    expect(unknown.output).toContain('no contender is called ngnix; there are uninterruptible, node:cluster');
  });

  test('says how it is used', async () => {
    const { code, output } = await bench('--help');
    expect(code).toBe(0);
    for (const scenario of ['restart', 'bad-deploy', 'steady', 'hand-over', 'drain', 'page']) {
      expect(output).toContain(scenario);
    }
  });
});
