/** Rollback by order: the owner gives the service back to the process before it, whatever happens on the way. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Generations } from '../support/generations.js';
import { requirement } from '../support/requirements.js';
import { LONG, ROLLBACK, restartedTrial } from '../support/restarted-trial.js';
import { trial } from '../support/trial.js';

const needs = requirement('addon', 'proc');

test.concurrent('gives the service back, forth and back again, and nothing is lost', needs, async () => {
  await restartedTrial(LONG, LONG, async ({ trial, generations, first, second }) => {
    expect(await generations.order(ROLLBACK)).toEqual({ type: 'rolled-back', pid: first, generation: 3 });
    await trial.expectOwner(first, 3, [second]);
    expect(await generations.order(ROLLBACK)).toEqual({ type: 'rolled-back', pid: second, generation: 4 });
    await trial.expectOwner(second, 4, [first]);
    expect(await generations.order(ROLLBACK)).toEqual({ type: 'rolled-back', pid: first, generation: 5 });
    await trial.expectOwner(first, 5, [second]);
    // Like any other owner it restarts, and is gone back to when its successor dies.
    const third = await generations.restart();
    await generations.gone(second);
    await trial.expectOwner(third, 6, [first]);
    process.kill(third, 'SIGKILL');
    await trial.expectOwner(first, 7);
    await trial.expectNothingLost([third]);
  });
});

test.concurrent('connections stay with the process that accepted them', needs, async () => {
  await trial(LONG, async (trial) => {
    const { generations, first } = trial;
    const before = await trial.hold();
    trial.deploy({});
    const second = await generations.restart();
    const after = await trial.hold();
    await generations.order(ROLLBACK);
    expect(await before.ask('who')).toBe(`who ${first}`);
    expect(await after.ask('who')).toBe(`who ${second}`);
    await trial.expectOwner(first, 3, [second]);
    // Its window is that of its own configuration: none.
    after.end();
    await generations.gone(second);
    await trial.expectNothingLost();
  });
});

test.concurrent('the program hears of it, and tells no lies in between', needs, async () => {
  await restartedTrial(LONG, LONG, async ({ trial, generations, first, second }) => {
    // Both are there before it looks at either: a rollback takes a few milliseconds.
    process.kill(second, 'SIGSTOP');
    const ordered = [generations.order(ROLLBACK), generations.order(ROLLBACK)];
    process.kill(second, 'SIGCONT');
    const [one, other] = await Promise.all(ordered);
    expect(one).toEqual({ type: 'rolled-back', pid: first, generation: 3 });
    expect(other).toEqual(one);
    await generations.line('rolled back', ({ pid, why }) => pid === first && why === 'by order');
    await generations.line('rolling back', ({ pid }) => pid === second);
    await trial.expectOwner(first, 3, [second]);
    await trial.expectNothingLost();
  });
});

describe('is refused, and the new version serves on', () => {
  test.concurrent('where nobody was before', needs, async () => {
    await trial({}, async (trial) => {
      expect(await trial.generations.order(ROLLBACK)).toMatchObject({
        type: 'failed',
        code: 'UNINTERRUPTIBLE_ROLLBACK_IMPOSSIBLE',
        message: expect.stringContaining('started without one before it') as string,
      });
      await trial.expectOwner(trial.first, 1);
      await trial.expectNothingLost();
    });
  });

  test.concurrent('when the process before has left', needs, async () => {
    await restartedTrial({}, {}, async ({ trial, generations, first, second }) => {
      await generations.gone(first);
      await generations.line('predecessor gone');
      const message = new RegExp(`Process ${first}, the one before, left at 20.*rollbackWindow`);
      expect(await generations.order(ROLLBACK)).toMatchObject({
        type: 'failed',
        code: 'UNINTERRUPTIBLE_ROLLBACK_IMPOSSIBLE',
        message: expect.stringMatching(message) as string,
      });
      await trial.expectOwner(second, 2);
      await trial.expectNothingLost();
    });
  });

  test.concurrent('when the process before was told to stop', needs, async () => {
    await trial(LONG, async (trial) => {
      const { generations, first } = trial;
      const held = await trial.hold();
      trial.deploy({});
      const second = await generations.restart();
      process.kill(first, 'SIGTERM');
      await generations.line('can no longer serve again', ({ pid }) => pid === first);
      expect(await generations.order(ROLLBACK)).toMatchObject({
        type: 'failed',
        code: 'UNINTERRUPTIBLE_ROLLBACK_FAILED',
        message: expect.stringContaining('let go of the listeners') as string,
      });
      await trial.expectOwner(second, 2, [first]);
      held.end();
      await trial.expectNothingLost();
    });
  });

  test.concurrent('when the process before hangs; awake again it stays where it was', needs, async () => {
    await restartedTrial(LONG, LONG, async ({ trial, generations, first, second }) => {
      process.kill(first, 'SIGSTOP');
      expect(await generations.order(ROLLBACK)).toMatchObject({
        type: 'failed',
        code: 'UNINTERRUPTIBLE_ROLLBACK_FAILED',
        message: expect.stringContaining('did not answer within 5000 ms') as string,
      });
      process.kill(first, 'SIGCONT');
      await generations.line('the service was not taken back', ({ pid }) => pid === first);
      await trial.expectOwner(second, 2, [first]);
      expect(await generations.order(ROLLBACK)).toEqual({ type: 'rolled-back', pid: first, generation: 3 });
      await trial.expectOwner(first, 3, [second]);
      await trial.expectNothingLost();
    });
  });

  test.concurrent('while a restart runs', needs, async () => {
    await trial(LONG, async (trial) => {
      const { generations, first } = trial;
      trial.deploy({ startup: 'hang', ...LONG });
      process.kill(first, 'SIGUSR1');
      await generations.line('started');
      expect(await generations.order(ROLLBACK)).toMatchObject({
        type: 'failed',
        message: expect.stringContaining('A restart is under way') as string,
      });
    });
  });
});

describe('when the owner dies on the way the process before serves', () => {
  const STEPS = [
    'sent:take-back',
    'received:take-over',
    'sent:offer',
    'sent:listeners',
    'received:ready',
    'lock:owner:false',
    'sent:yours',
    'received:owner',
  ];
  test.concurrent.for(STEPS)('at %s', needs, async (at) => {
    await restartedTrial(
      LONG,
      { ...LONG, fault: { at, action: 'kill' } },
      async ({ trial, generations, first, second }) => {
        await generations.order(ROLLBACK).catch(() => undefined);
        await generations.gone(second);
        await generations.line('rolled back', ({ pid }) => pid === first);
        await trial.expectOwner(first, 3);
        await trial.expectNothingLost([second]);
      },
    );
  });
});

describe('when the process before dies on the way the owner serves on', () => {
  const STEPS = [
    'received:take-back',
    'sent:take-over',
    'received:offer',
    'received:listeners',
    'sent:ready',
    'received:yours',
  ];
  test.concurrent.for(STEPS)('at %s', needs, async (at) => {
    await restartedTrial(
      { ...LONG, fault: { at, action: 'kill' } },
      LONG,
      async ({ trial, generations, first, second }) => {
        expect(await generations.order(ROLLBACK)).toMatchObject({
          type: 'failed',
          code: 'UNINTERRUPTIBLE_ROLLBACK_FAILED',
        });
        await generations.gone(first);
        await trial.expectOwner(second, 2);
        await trial.expectNothingLost([first]);
      },
    );
  });
});

describe('when the connection between them breaks there is one owner', () => {
  test.concurrent.for(['sent:take-back', 'sent:offer', 'received:ready'])('at %s', needs, async (at) => {
    await restartedTrial(
      LONG,
      { ...LONG, fault: { at, action: 'break' } },
      async ({ trial, generations, first, second }) => {
        await generations.order(ROLLBACK).catch(() => undefined);
        const { pid, generation } = await trial.status();
        expect([first, second]).toContain(pid);
        await trial.until(({ state }) => state === 'serving');
        await trial.expectOwner(Number(pid), Number(generation), [pid === first ? second : first]);
        await trial.expectNothingLost();
      },
    );
  });
});

test.concurrent('a listener that the new version had removed comes back, its own goes', needs, async () => {
  const generations = new Generations();
  const { directory, controlPath } = generations;
  const [common, old, young] = ['common', 'old', 'young'].map((name) => join(directory, name));
  const version = (...paths: (string | undefined)[]) => ({
    servers: [{ bind: paths.map((path) => `unix://${path}`), controlPath, rollbackWindow: 60_000 }],
  });
  try {
    generations.deploy(version(common, old));
    generations.launch();
    const { pid: first } = await generations.line('serving');
    generations.deploy(version(young, common));
    await generations.restart();
    await generations.until(() => !existsSync(old ?? ''), 'the old path to go');
    expect(await generations.order(ROLLBACK)).toMatchObject({ type: 'rolled-back', pid: first });
    await generations.until(() => existsSync(old ?? ''), 'the old path to come back');
    expect(existsSync(young ?? '')).toBe(false);
    for (const path of [common, old]) {
      expect(await generations.request('who', { path: path ?? '' })).toBe(`who ${first}`);
    }
  } finally {
    await generations.end();
  }
});

test.concurrent('a new version at another control path goes back to the old one', needs, async () => {
  await trial(LONG, async (trial) => {
    const { generations, first } = trial;
    const other = join(generations.directory, 'other');
    trial.deploy({ servers: [{ rollbackWindow: 60_000, controlPath: other }] });
    const second = await generations.restart();
    expect(await generations.order(ROLLBACK, undefined, other)).toMatchObject({
      type: 'rolled-back',
      pid: first,
    });
    await generations.until(() => !existsSync(other), 'the other path to go');
    await trial.expectOwner(first, 3, [second], ['other.lock']);
    process.kill(first, 'SIGKILL');
    // Who gave it back is behind the owner now, and found at the old path.
    await trial.expectOwner(second, 4, [], ['other.lock']);
    await trial.expectNothingLost([first]);
  });
});
