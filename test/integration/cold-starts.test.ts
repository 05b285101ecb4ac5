/**
 * Two servers with one control path that start at one instant, again and again, in two processes that stay. Whole processes
 * do it in `g4-one-owner.test.ts`, fewer times.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { binding } from '../support/control-peer.js';
import { freePort } from '../support/free-port.js';
import { expectOneOwner, ownersOf } from '../support/one-owner.js';
import { oneRequest } from '../support/one-request.js';
import { Racers } from '../support/racers.js';
import { requirement } from '../support/requirements.js';

const ROUNDS = 200;
/** Races of their own, at the same time. */
const LANES = 2;
/** Both know by then when to start. In nanoseconds, as what follows. */
const HEAD_START = 3_000_000n;
/** The one starts so much after the other, or before. */
const OFFSETS = [
  0n,
  50_000n,
  -50_000n,
  300_000n,
  -300_000n,
  1_000_000n,
  -1_000_000n,
  4_000_000n,
  -4_000_000n,
];

/** Asks without a pause until it is told to stop. Returns how many were answered, and why others were not. */
function askAllTheTime(port: number): () => Promise<{ answered: number; lost: string[] }> {
  const lost: string[] = [];
  let [answered, isOver] = [0, false];
  const asking = (async () => {
    while (!isOver) {
      const outcome = await new Promise<{ answer: string; why: string }>((resolve) => {
        oneRequest(port, 'hello', resolve);
      });
      if (outcome.answer === 'hello\n') answered += 1;
      else lost.push(outcome.why);
    }
  })();
  return async () => {
    isOver = true;
    await asking;
    return { answered, lost };
  };
}

async function race(racers: Racers, directory: string, round: number): Promise<void> {
  const controlPath = join(directory, `control-${round}`);
  const trace = join(directory, `trace-${round}`);
  const port = await freePort();
  // Every other one comes after a server that was killed.
  if (round % 2 === 1) {
    binding().listenUnix(controlPath, { type: 'seqpacket', backlog: 1, mode: 0o600 }).close();
  }
  const at = process.hrtime.bigint() + HEAD_START;
  for (const [index, pid] of racers.pids.entries()) {
    const offset = index === 0 ? 0n : (OFFSETS[round % OFFSETS.length] ?? 0n);
    racers.tell(pid, { start: { at: String(at + offset), controlPath, port, trace } });
  }
  const first = await racers.next();
  const end = askAllTheTime(port);
  expect(first).toMatchObject({ serving: 1 });
  const others = [await racers.next(), await racers.next()];
  const second = others.find(({ pid }) => pid !== first.pid);
  expect(others).toContainEqual({ pid: first.pid, stopped: true });
  expect(second).toMatchObject({ serving: 2 });
  expect(ownersOf(`${controlPath}.lock`)).toBe(1);
  const { answered, lost } = await end();
  expect(lost).toEqual([]);
  expect(answered).toBeGreaterThan(0);
  racers.tell(second?.pid, { stop: true });
  expect(await racers.next()).toEqual({ pid: second?.pid, stopped: true });
  expect(expectOneOwner(trace)).toBe(2);
}

test(
  `of two that start cold at one instant, ${ROUNDS} times, one is the owner, the other takes over, and nobody is refused`,
  requirement('addon', 'proc'),
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'cold-starts-'));
    const lane = async (first: number): Promise<void> => {
      const racers = new Racers();
      try {
        for (let round = first; round < ROUNDS; round += LANES) await race(racers, directory, round);
      } finally {
        racers.end();
      }
    };
    try {
      // Each to its end: nobody would stop what one starts after the test.
      const lanes = await Promise.allSettled(Array.from({ length: LANES }, (_, at) => lane(at)));
      for (const result of lanes) if (result.status === 'rejected') throw result.reason;
      const left = readdirSync(directory).filter((name) => !/^trace-\d+$|^control-\d+\.lock$/.test(name));
      expect(left).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
);
