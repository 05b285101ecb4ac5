/** G4: at no instant do two processes own the service, and who looks for the owner finds it. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Generations, type Version } from '../support/generations.js';
import { expectOneOwner, OwnerWatch, ownersOf } from '../support/one-owner.js';
import { isAlive, stateOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';
import { type Trial, trial } from '../support/trial.js';

const needs = requirement('addon', 'proc');
const OUTCOME = /^(serving|rolled back|hand-over failed, serving on)$/;

/** Two processes are stopped just before they run, and continued together. */
async function launchTwo(generations: Generations): Promise<[number, number]> {
  const pids = [generations.launch().pid!, generations.launch().pid!] as [number, number];
  await generations.until(() => pids.every((pid) => stateOf(pid) === 'T'), 'both to wait');
  for (const pid of pids) process.kill(pid, 'SIGCONT');
  return pids;
}

describe('G4: one owner', () => {
  test.concurrent('through restarts, deaths and rollbacks', needs, async () => {
    await trial({}, async (trial) => {
      const { generations, trace } = trial;
      const deploy = (version: Version): void =>
        trial.deploy({ trace, servers: [{ rollbackWindow: 60_000 }], ...version });
      deploy({});
      await generations.restart();
      const watch = new OwnerWatch(`${generations.controlPath}.lock`);
      try {
        const dying = ['sent:ready', 'received:yours', 'lock:owner:true', 'lock:next:false', 'sent:owner'];
        for (const at of [...dying, undefined, ...dying, undefined]) {
          const since = generations.lines.length;
          deploy(at === undefined ? {} : { fault: { at, action: 'kill' } });
          await generations.order({ type: 'restart' });
          const isOver = (): boolean => generations.lines.slice(since).some(({ msg }) => OUTCOME.test(msg));
          await generations.until(isOver, 'the end of the restart');
        }
      } finally {
        await watch.end();
      }
      // The first, two restarts that end well, twice two that die with byte 0, and twice one that rolls back.
      expect(expectOneOwner(trace)).toBeGreaterThanOrEqual(9);
      expect(watch.samples).toBeGreaterThan(100);
      expect(watch.longestGap).toBeLessThan(1_000);
    });
  });

  test.concurrent(
    'while 50 restarts go by, control path and pid file lead to a living process',
    needs,
    async () => {
      await trial({}, async (trial) => {
        const { generations, pidfilePath } = trial;
        const done = new AbortController();
        const look = async (): Promise<number> => {
          let looks = 0;
          for (; !done.signal.aborted; looks += 1) {
            const answer = await generations.order({ type: 'status' });
            expect(['status', 'moved']).toContain(answer.type);
            const pid = readFileSync(pidfilePath, 'utf8');
            // It may have left since, but then the file names another.
            if (!isAlive(Number(pid))) expect(readFileSync(pidfilePath, 'utf8')).not.toBe(pid);
          }
          return looks;
        };
        const restart = async (): Promise<void> => {
          for (let restarts = 0; restarts < 50; restarts += 1) await generations.restart();
          done.abort();
        };
        trial.deploy({});
        const [looks] = await Promise.all([look(), restart()]);
        expect(looks).toBeGreaterThan(500);
        await trial.expectOwner(generations.owner, 51);
        await trial.expectNothingLost();
      });
    },
  );

  test.concurrent('when two start cold at one instant, 100 times: the second takes over', needs, async () => {
    const pair = async (): Promise<void> => {
      const generations = new Generations();
      try {
        const trace = `${generations.directory}/trace`;
        generations.deploy({ startup: 'wait', trace });
        const pids = await launchTwo(generations);
        await generations.line('serving', ({ generation }) => generation === 1);
        const second = await generations.line('serving', ({ generation }) => generation === 2);
        await generations.until(() => generations.alive().length === 1, 'the first to leave');
        expect(generations.alive()).toEqual([second.pid]);
        expect(pids).toContain(second.pid);
        expect(generations.lines.filter(({ msg }) => msg === 'serving')).toHaveLength(2);
        expect(ownersOf(`${generations.controlPath}.lock`)).toBe(1);
        expect(expectOneOwner(trace)).toBe(2);
      } finally {
        await generations.end();
      }
    };
    const lane = async (): Promise<void> => {
      for (let times = 0; times < 50; times += 1) await pair();
    };
    // Each to its end: nobody would stop what one starts after the test.
    const lanes = await Promise.allSettled([lane(), lane()]);
    for (const result of lanes) if (result.status === 'rejected') throw result.reason;
  });

  test.concurrent(
    'when the old owner dies at `yours`, nobody comes before the one it said that to',
    needs,
    async () => {
      await trial({ fault: { at: 'sent:yours', action: 'kill' } }, async (trial) => {
        const { generations, first } = trial;
        trial.deploy({ fault: { at: 'received:yours', action: 'stop' } });
        const second = generations.launch().pid!;
        await generations.gone(first);
        trial.deploy({});
        const third = generations.launch().pid!;
        // Long enough for it to find that nobody owns the service; what it lacks is the turn.
        await trial.stopped(second, 1_000);
        process.kill(second, 'SIGCONT');
        await generations.line('serving', ({ pid, generation }) => pid === second && generation === 2);
        await trial.expectOwner(third, 3);
        await trial.expectNothingLost([first]);
      });
    },
  );

  test.concurrent('when two take over at one instant: one after the other', needs, async () => {
    await trial({}, async (trial) => {
      const { generations, first, trace } = trial;
      trial.deploy({ startup: 'wait', trace });
      const pids = await launchTwo(generations);
      const last = await generations.line('serving', ({ generation }) => generation === 3);
      expect(pids).toContain(last.pid);
      await trial.expectOwner(last.pid, 3);
      expect(expectOneOwner(trace)).toBe(2);
      await generations.gone(first);
      await trial.expectNothingLost();
    });
  });
});

describe('one restart at a time', () => {
  const restartedTo = async ({ generations }: Trial, request: string): Promise<unknown> =>
    JSON.parse(await generations.request(request)) as unknown;

  test.concurrent('one that is asked for before the new process is spawned joins', needs, async () => {
    await trial({}, async (trial) => {
      const { generations } = trial;
      trial.deploy({});
      const [one, other] = (await restartedTo(trial, 'restart 2')) as unknown[];
      expect(one).toEqual({ pid: await trial.successor(), generation: 2 });
      expect(other).toEqual(one);
      await trial.expectOwner(generations.owner, 2);
      expect(generations.lines.filter(({ msg }) => msg === 'started')).toHaveLength(1);
    });
  });

  test.concurrent(
    'all that are asked for after that are one more, which the new owner runs and reports',
    needs,
    async () => {
      await trial({}, async (trial) => {
        const { generations } = trial;
        trial.deploy({ warmUp: 2_000, word: 'older' });
        const running = generations.order({ type: 'restart' });
        await generations.line('started');
        const late = [generations.order({ type: 'restart' }), restartedTo(trial, 'restart 2')];
        await generations.line('restart queued: one is under way');
        trial.deploy({ word: 'newer' });
        expect(await running).toMatchObject({ type: 'restarted', generation: 2 });
        const third = {
          pid: (await generations.line('serving', ({ generation }) => generation === 3)).pid,
          generation: 3,
        };
        expect(await Promise.all(late)).toEqual([{ type: 'restarted', ...third }, [third, third]]);
        expect(await generations.request('who')).toBe(`who ${third.pid} newer`);
        expect(generations.lines.filter(({ msg }) => msg === 'started')).toHaveLength(2);
      });
    },
  );

  test.concurrent(
    'why the one that was passed on failed is told to whoever asked the old owner',
    needs,
    async () => {
      await trial({}, async (trial) => {
        const { generations } = trial;
        trial.deploy({ warmUp: 2_000 });
        const running = generations.order({ type: 'restart' });
        await generations.line('started');
        const late = generations.order({ type: 'restart' });
        await generations.line('restart queued: one is under way');
        await generations.line('taking over');
        trial.deploy({ startup: 'throw' });
        expect(await running).toMatchObject({ type: 'restarted', generation: 2 });
        const answer = await late;
        expect(answer).toMatchObject({
          type: 'failed',
          message: expect.stringContaining('exited with code 1') as string,
        });
        expect(answer).toHaveProperty('lastWords', expect.stringContaining('the new version throws'));
        await trial.expectOwner(await trial.successor(), 2);
      });
    },
  );

  test.concurrent('when the first fails, the old owner runs the one that was queued', needs, async () => {
    await trial({ servers: [{ readyTimeout: 3_000 }] }, async (trial) => {
      const { generations } = trial;
      trial.deploy({ warmUp: 'hang' });
      const running = generations.order({ type: 'restart' });
      await generations.line('started');
      const late = generations.order({ type: 'restart' });
      await generations.line('taking over');
      trial.deploy({});
      expect(await running).toMatchObject({ type: 'failed' });
      expect(await late).toEqual({ type: 'restarted', pid: await trial.successor(), generation: 2 });
      await trial.expectOwner(await trial.successor(), 2);
    });
  });
});

test.concurrent(
  'generations that drain are all known to the owner, and only the latest has duplicates',
  needs,
  async () => {
    await trial({}, async (trial) => {
      const { generations, first } = trial;
      trial.deploy({});
      const pids = [first];
      const held = [await trial.hold()];
      for (let restarts = 0; restarts < 5; restarts += 1) {
        pids.push(await generations.restart());
        held.push(await trial.hold());
      }
      const owner = pids.at(-1)!;
      const draining = pids.slice(0, -1);
      const expected = draining.map((pid, at) => ({
        pid,
        generation: at + 1,
        connections: 1,
        busy: 1,
        requests: null,
        // Only the direct predecessor has duplicates.
        canServeAgain: at === draining.length - 1,
        rollbackUntil: null,
        deadline: null,
      }));
      await trial.until((status) => {
        const known = status['draining'] as typeof expected;
        return JSON.stringify(known.sort((a, b) => a.generation - b.generation)) === JSON.stringify(expected);
      });
      await trial.expectOwner(owner, 6, draining);
      expect(pids.filter((pid) => trial.holdsListener(pid))).toEqual(pids.slice(-2));
      for (const [at, pid] of draining.entries()) expect(await held[at]!.ask('keep')).toBe(`keep ${pid}`);
      // They leave as their connections end, in whatever order.
      for (const at of [2, 0, 4, 1, 3]) {
        held[at]!.end();
        await generations.gone(pids[at]!);
        await trial.until((status) => !JSON.stringify(status['draining']).includes(`"pid":${pids[at]},`));
      }
      await trial.expectOwner(owner, 6);
      await trial.expectNothingLost();
    });
  },
);
