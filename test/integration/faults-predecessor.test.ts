/** The rows of the failure table in which the old process dies: who serves, and what control path and pid file lead to. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { requirement } from '../support/requirements.js';
import { type Trial, trial } from '../support/trial.js';

/** How the new process comes to be. */
const STARTS: Record<string, (trial: Trial) => unknown> = {
  'started by it': ({ first }) => process.kill(first, 'SIGUSR1'),
  'launched on its own': ({ generations }) => generations.launch(),
};

/** Before `yours` and after: the last step the old process takes, and what the new one knows by then. */
const STEPS = [
  { at: 'received:take-over', generation: 1, listenersPassed: false },
  { at: 'sent:offer', generation: 2, listenersPassed: false },
  { at: 'sent:listeners', generation: 2, listenersPassed: true },
  { at: 'received:ready', generation: 2, listenersPassed: true },
  { at: 'lock:owner:false', generation: 2, listenersPassed: true },
  { at: 'sent:yours', generation: 2, listenersPassed: true },
  { at: 'received:owner', generation: 2, listenersPassed: true },
];

const needs = requirement('addon', 'proc');

describe.for(Object.entries(STARTS))('a new process %s serves when the old one dies', ([, start]) => {
  test.concurrent.for(STEPS)('at $at', needs, async ({ at, generation, listenersPassed }) => {
    await trial({ fault: { at, action: 'kill' } }, async (trial) => {
      trial.deploy({});
      start(trial);
      const second = await trial.successor();
      if (!listenersPassed) trial.pardon();
      await trial.expectOwner(second, generation);
      await trial.expectNothingLost([trial.first]);
    });
  });
});

describe('when the owner dies while an earlier generation drains and a later one takes over', () => {
  test.concurrent.for(STEPS)(
    'at $at, one of the two is the owner, and its successor starts',
    needs,
    async ({ at }) => {
      await trial({}, async (trial) => {
        const { generations, first } = trial;
        const held = await trial.hold();
        trial.deploy({ fault: { at, action: 'kill' } });
        const second = await generations.restart();
        trial.deploy({});
        const since = generations.lines.length;
        process.kill(second, 'SIGUSR1');
        await generations.until(
          () =>
            generations.lines
              .slice(since)
              .some(({ msg, pid }) => pid !== second && /^(serving|rolled back)$/.test(msg)),
          'somebody to serve',
        );
        const owner = generations.owner;
        // What was never offered counts anew.
        const generation = owner !== first && at === 'received:take-over' ? 1 : 3;
        await trial.expectOwner(owner, generation, owner === first ? [] : [first]);
        expect(await held.ask('keep')).toBe(`keep ${first}`);
        // It keeps the earlier one draining, and must not decide anything.
        if (owner !== first) held.end();
        const third = await generations.restart();
        held.end();
        await trial.expectOwner(third, generation + 1);
        await trial.expectNothingLost([second]);
      });
    },
  );

  test.concurrent(
    'the earlier one leaves byte 0 alone when the later one is the owner and hands it on',
    needs,
    async () => {
      await trial({}, async (trial) => {
        const { generations, first } = trial;
        const held = await trial.hold();
        // The later one has byte 0 by then: before, either of the two might get it.
        trial.deploy({ fault: { at: 'received:owner', action: 'kill' } });
        const second = await generations.restart();
        // Long enough for whoever asks every 10 ms to get it.
        trial.deploy({ fault: { at: 'lock:owner:false', action: 'pause', milliseconds: 300 } });
        process.kill(second, 'SIGUSR1');
        const third = await generations.line('serving', ({ generation }) => generation === 3);
        trial.deploy({});
        const fourth = await generations.restart();
        held.end();
        expect([first, second, third.pid]).not.toContain(fourth);
        await trial.expectOwner(fourth, 4);
        await trial.expectNothingLost([second]);
      });
    },
  );

  test.concurrent('the earlier one does not wait for the later one to be ready', needs, async () => {
    await trial({ servers: [{ rollbackWindow: 60_000 }] }, async (trial) => {
      const { generations, first } = trial;
      trial.deploy({ fault: { at: 'sent:listeners', action: 'kill' } });
      const second = await generations.restart();
      trial.deploy({ warmUp: 1_000 });
      generations.launch();
      const { pid } = await generations.line('rolled back');
      expect(pid).toBe(first);
      expect(await trial.status()).toMatchObject({ pid: first, generation: 3 });
      // The one that took over found byte 0 held. Launched on its own it starts again, and takes over from the first.
      const third = await generations.line('serving', (line) => line.pid !== first && line.pid !== second);
      await trial.expectOwner(third.pid, 4, [first]);
      await trial.expectNothingLost([second]);
    });
  });
});

test.concurrent(
  'a new process binds the listeners that the old one died before it passed',
  needs,
  async () => {
    await trial({}, async (trial) => {
      const { generations } = trial;
      const path = (at: number): string => join(generations.directory, `listener-${at}`);
      const paths = Array.from({ length: 300 }, (_, at) => path(at));
      const bind = [`tcp://127.0.0.1:${trial.port}`, ...paths.map((each) => `unix://${each}`)];
      trial.deploy({ servers: [{ bind }], fault: { at: 'sent:listeners', action: 'kill' } });
      const second = await generations.restart();
      trial.deploy({ servers: [{ bind }] });
      process.kill(second, 'SIGUSR1');
      const third = await generations.line('serving', ({ generation }) => generation === 3);
      for (const each of paths) {
        expect(await generations.request('who', { path: each })).toBe(`who ${third.pid}`);
      }
      process.kill(third.pid, 'SIGTERM');
      await generations.gone(third.pid);
      expect(paths.filter((each) => existsSync(each))).toEqual([]);
    });
  },
);

test.concurrent('the new process serves on when the old one dies while it drains', needs, async () => {
  await trial({}, async (trial) => {
    const { generations, first } = trial;
    const held = await trial.hold();
    trial.deploy({});
    const second = await generations.restart();
    await generations.line('draining');
    process.kill(first, 'SIGKILL');
    await held.closed;
    await generations.line('predecessor lost', ({ pid }) => pid === second);
    await trial.expectOwner(second, 2);
    expect(await trial.status()).toMatchObject({ draining: [] });
    await trial.expectNothingLost([first]);
  });
});

test.concurrent(
  'when an owner dies with nobody behind it, a cold start replaces what it left',
  needs,
  async () => {
    await trial({}, async (trial) => {
      const { generations, first, pidfilePath } = trial;
      await trial.die();
      await generations.gone(first);
      expect(readFileSync(pidfilePath, 'utf8')).toBe(`${first}\n`);
      expect(existsSync(generations.controlPath)).toBe(true);
      generations.launch();
      const second = await trial.successor();
      trial.pardon();
      await trial.expectOwner(second, 1);
      await trial.expectNothingLost([first]);
    });
  },
);

test.concurrent(
  'an owner that stops for good leaves after the earlier generation, and makes room at once',
  needs,
  async () => {
    await trial({}, async (trial) => {
      const { generations, first } = trial;
      const held = await trial.hold();
      trial.deploy({});
      const second = await generations.restart();
      process.kill(second, 'SIGTERM');
      await generations.line('can no longer serve again', ({ pid }) => pid === first);
      await generations.line('waiting for earlier generations', ({ pid }) => pid === second);
      expect(existsSync(trial.pidfilePath)).toBe(false);
      expect(existsSync(generations.controlPath)).toBe(false);
      generations.launch();
      const third = await generations.line('serving', ({ pid }) => pid !== first && pid !== second);
      trial.pardon();
      expect(await held.ask('keep')).toBe(`keep ${first}`);
      expect(generations.alive().sort()).toEqual([first, second, third.pid].sort());
      held.end();
      await trial.expectOwner(third.pid, 1);
      await trial.expectNothingLost();
    });
  },
);
