/** The exception to G1, as narrow as it is: what a process that dies had accepted is lost, and nothing else. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { uninterruptible } from '../support/command.js';
import { EchoGenerations } from '../support/echo.js';
import { DEADLINE } from '../support/generations.js';
import { type LoadHandle, type LoadResult, startLoad } from '../support/load/index.js';
import { requirement } from '../support/requirements.js';

const ROUNDS = 4;

let generations: EchoGenerations;
let load: LoadHandle | undefined;

beforeEach(() => {
  generations = new EchoGenerations();
});

afterEach(async () => {
  await load?.kill();
  await generations.end();
});

/** The clients' ports of the connections that these processes had accepted and not closed when they died. */
function heldBy(peers: string, dead: readonly number[]): Set<number> {
  const held = new Set<number>();
  for (const line of readFileSync(peers, 'utf8').split('\n')) {
    const [pid, what, port] = line.split(' ');
    if (!dead.includes(Number(pid))) continue;
    if (what === 'opened') held.add(Number(port));
    else held.delete(Number(port));
  }
  return held;
}

function expectOnlyTheDeadToLose(result: LoadResult, held: ReadonlySet<number>): void {
  expect(result.rate.fraction).toBeGreaterThanOrEqual(0.95);
  expect(result.lost, 'a death under load costs somebody').toBeGreaterThan(0);
  // Only so many losses are described; all of them must be.
  expect(result.losses).toHaveLength(result.lost);
  expect(result.losses.filter(({ port }) => port === undefined || !held.has(port))).toEqual([]);
  expect(result.longLived?.cuts ?? []).toEqual([]);
}

describe('G1: when a new owner is killed under load, only clients it had accepted lose', () => {
  const whileTheOldOne: [does: string, kept: number][] = [
    ['stands by', 0],
    // Never cut: the old process has them, and it lives.
    ['drains', 20],
  ];

  test.for(whileTheOldOne)(
    'and the old one, which %s, serves again',
    requirement('addon'),
    async ([_does, kept]) => {
      const peers = join(generations.directory, 'peers');
      const version = {
        servers: [
          { bind: 'tcp://127.0.0.1:0', rollbackWindow: 60_000, controlPath: generations.controlPath },
        ],
        delay: 10,
        peers,
      };
      generations.deploy(version);
      generations.launch();
      await generations.line('serving');
      const first = generations.owner;
      load = await startLoad({
        target: { port: generations.port() },
        rate: 500,
        answer: 'echo-pid',
        ...(kept > 0 ? { longLived: { count: kept, interval: 100 } } : {}),
      });
      generations.deploy({ ...version, dieAfter: 100 });
      const dead: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const since = generations.lines.length;
        dead.push(await generations.restart());
        await generations.line('rolled back', ({ pid }) => pid === first, since);
      }
      const before = load.progress?.answered ?? 0;
      await load.waitFor(({ answered }) => answered > before + 100, DEADLINE, 'the old one to serve');
      expectOnlyTheDeadToLose(await load.stop(), heldBy(peers, dead));
    },
  );

  test(
    'at 2,000 connections a second, two seconds after it was ready; status tells the story',
    requirement('addon'),
    async () => {
      const peers = join(generations.directory, 'peers');
      const { controlPath } = generations;
      const version = {
        servers: [{ bind: 'tcp://127.0.0.1:0?backlog=4096', rollbackWindow: 5_000, controlPath }],
        peers,
      };
      generations.deploy(version);
      generations.launch();
      await generations.line('serving');
      const first = generations.owner;
      load = await startLoad({ target: { port: generations.port() }, rate: 2_000, answer: 'echo-pid' });
      generations.deploy({ ...version, dieAfter: 4_000 });
      const dead = await generations.restart();
      await generations.line('rolled back', ({ pid }) => pid === first);
      const before = load.progress?.answered ?? 0;
      await load.waitFor(({ answered }) => answered > before + 1_000, DEADLINE, 'the old one to serve');
      const { code, stdout } = await uninterruptible(['status', '--control', controlPath]);
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`pid +${first}, generation 3, serving for`));
      expect(stdout).toMatch(
        new RegExp(`last change .*: rolled back from pid ${dead}, pid \\d+ serves again`),
      );
      expectOnlyTheDeadToLose(await load.stop(), heldBy(peers, [dead]));
    },
  );
});
