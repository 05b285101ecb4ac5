/** Rollback by order, when what should come later comes first: waits that end, orders that cross, files that are gone. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Ownership } from '../../src/handover/ownership.js';
import { binding, ControlPeer } from '../support/control-peer.js';
import { stateOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';
import { LONG, ROLLBACK, restartedTrial } from '../support/restarted-trial.js';
import { trial } from '../support/trial.js';

const needs = requirement('addon', 'proc');

test.concurrent('a cleaner that removed path and lock file does not make two owners', needs, async () => {
  await restartedTrial(LONG, LONG, async ({ trial, generations, first, second }) => {
    for (const path of [generations.controlPath, `${generations.controlPath}.lock`]) rmSync(path);
    expect(JSON.parse(await generations.request('rollback'))).toEqual({ pid: first, generation: 3 });
    await trial.expectOwner(first, 3, [second]);
    await trial.expectNothingLost();
  });
});

test.concurrent('what was reported as failed does not happen afterwards', needs, async () => {
  await restartedTrial(
    { ...LONG, fault: { at: 'sent:take-over', action: 'stop' } },
    LONG,
    async ({ trial, generations, first, second }) => {
      // Somebody else is next: the process before waits, and so does the owner when it has given up and tidies.
      const other = Ownership.of(binding(), generations.controlPath);
      try {
        await other.takeNext(5_000);
        const answer = generations.order(ROLLBACK);
        await generations.line('taking back', ({ pid }) => pid === first);
        process.kill(first, 'SIGSTOP');
        await generations.line('hand-over failed, serving on', ({ pid }) => pid === second);
        process.kill(second, 'SIGSTOP');
        await generations.until(() => [first, second].every((pid) => stateOf(pid) === 'T'), 'both to stop');
        other.releaseNext();
        process.kill(first, 'SIGCONT');
        await generations.until(() => generations.stderr.includes('fault: stop'), 'its take-over to be sent');
        process.kill(second, 'SIGCONT');
        await generations.until(() => stateOf(first) === 'T', 'the process before to stop');
        process.kill(first, 'SIGCONT');
        expect(await answer).toMatchObject({ type: 'failed', code: 'UNINTERRUPTIBLE_ROLLBACK_FAILED' });
        await generations.line('the service was not taken back', ({ pid }) => pid === first);
        await trial.expectOwner(second, 2, [first]);
        await trial.expectNothingLost();
      } finally {
        other.close();
      }
    },
  );
});

test.concurrent(
  'of two orders that a hung process finds when it wakes the second counts',
  needs,
  async () => {
    await restartedTrial(LONG, LONG, async ({ trial, generations, first, second }) => {
      process.kill(first, 'SIGSTOP');
      expect(await generations.order(ROLLBACK)).toMatchObject({ type: 'failed' });
      const since = generations.lines.length;
      const answer = generations.order(ROLLBACK);
      await generations.line('rolling back', ({ pid }) => pid === second, since);
      process.kill(first, 'SIGCONT');
      expect(await answer).toEqual({ type: 'rolled-back', pid: first, generation: 3 });
      await trial.expectOwner(first, 3, [second]);
      await trial.expectNothingLost();
    });
  },
);

test.concurrent('a rollback window that ends on the way does not end the rollback', needs, async () => {
  const window = 3_000;
  const version = {
    servers: [{ rollbackWindow: window }],
    fault: { at: 'sent:ready', action: 'stop' },
  } as const;
  await restartedTrial(
    { ...version, servers: [...version.servers] },
    LONG,
    async ({ trial, generations, first, second }) => {
      const over = performance.now() + window;
      const answer = generations.order(ROLLBACK);
      await generations.until(() => stateOf(first) === 'T', 'the process before to stop');
      await generations.until(() => performance.now() > over, 'its window to end');
      process.kill(first, 'SIGCONT');
      expect(await answer).toEqual({ type: 'rolled-back', pid: first, generation: 3 });
      await trial.expectOwner(first, 3, [second]);
      await trial.expectNothingLost();
    },
  );
});

test.concurrent(
  'an owner that died within the window is followed by one that wakes after it',
  needs,
  async () => {
    const window = 3_000;
    await restartedTrial(
      { servers: [{ rollbackWindow: window }] },
      LONG,
      async ({ trial, generations, first, second }) => {
        const over = performance.now() + window;
        process.kill(first, 'SIGSTOP');
        await generations.until(() => stateOf(first) === 'T', 'the process before to stop');
        await trial.die();
        await generations.gone(second);
        await generations.until(() => performance.now() > over, 'its window to end');
        process.kill(first, 'SIGCONT');
        await generations.line('rolled back', ({ pid }) => pid === first);
        await trial.expectOwner(first, 3);
        await trial.expectNothingLost([second]);
      },
    );
  },
);

test.concurrent('a restart that is ordered meanwhile wins, if it is faster', needs, async () => {
  await restartedTrial(LONG, LONG, async ({ trial, generations, first }) => {
    process.kill(first, 'SIGSTOP');
    const answer = generations.order(ROLLBACK);
    const restarted = await generations.order({ type: 'restart' });
    expect(restarted).toMatchObject({ type: 'restarted', generation: 3 });
    const third = await trial.status();
    expect(await answer).toMatchObject({
      type: 'failed',
      message: expect.stringContaining('took over meanwhile') as string,
    });
    process.kill(first, 'SIGCONT');
    await generations.gone(first);
    const others = generations.alive().filter((pid) => pid !== third['pid']);
    await trial.expectOwner(Number(third['pid']), 3, others);
    await trial.expectNothingLost();
  });
});

describe('whoever is stopped for longer than the other waits, there is one owner', () => {
  const FAULTS = [
    ...['received:take-over', 'sent:offer', 'received:ready', 'lock:owner:false', 'sent:yours'].map(
      (at) => ['owner', at, 11_000] as const,
    ),
    ...['sent:take-over', 'received:offer', 'sent:ready', 'received:yours'].map(
      (at) => ['process before', at, 6_000] as const,
    ),
  ];
  test.concurrent.for(FAULTS)('the %s at %s', needs, async ([who, at, milliseconds]) => {
    const fault = { at, action: 'stop' } as const;
    await restartedTrial(
      { ...LONG, ...(who === 'owner' ? {} : { fault }) },
      { ...LONG, ...(who === 'owner' ? { fault } : {}) },
      async ({ trial, generations, first, second }) => {
        const answer = generations.order(ROLLBACK, 30_000);
        const hung = who === 'owner' ? second : first;
        await trial.stopped(hung, milliseconds);
        process.kill(hung, 'SIGCONT');
        const isBack = (await answer).type === 'rolled-back';
        const [owner, other] = isBack ? [first, second] : [second, first];
        await trial.until(({ state }) => state === 'serving');
        const { generation } = await trial.status();
        await trial.expectOwner(owner, Number(generation), [other]);
        await trial.expectNothingLost();
      },
    );
  });
});

describe('a stop', () => {
  test.concurrent('amid a rollback is no failure of a service that serves on', needs, async () => {
    await restartedTrial(LONG, LONG, async ({ generations, first, second }) => {
      process.kill(first, 'SIGSTOP');
      const answer = generations.order(ROLLBACK);
      await generations.line('rolling back');
      await generations.order({ type: 'stop' });
      expect(await answer).toMatchObject({ type: 'failed', code: 'UNINTERRUPTIBLE_STOPPED' });
      await generations.gone(second);
      expect(generations.lines.filter(({ msg }) => msg.includes('serving on'))).toEqual([]);
    });
  });

  test.concurrent('with `now` after a rollback says what it cut', needs, async () => {
    await restartedTrial(LONG, {}, async ({ trial, generations, first }) => {
      await generations.order(ROLLBACK);
      await trial.hold();
      await generations.order({ type: 'stop', now: true });
      await generations.line(
        'the drain deadline cut connections',
        ({ pid, cut }) => pid === first && Number(cut) >= 1,
      );
      await generations.until(() => generations.alive().length === 0, 'all to leave');
    });
  });

  test.concurrent('with `now` amid a hand-over goes to the new owner as it is', needs, async () => {
    await trial({}, async (trial) => {
      const { generations, first } = trial;
      trial.deploy({ fault: { at: 'received:yours', action: 'stop' } });
      process.kill(first, 'SIGUSR1');
      const { child } = await generations.line('started');
      const second = Number(child);
      await generations.until(() => stateOf(second) === 'T', 'the new one to stop');
      expect(await generations.order({ type: 'stop', now: true })).toEqual({ type: 'stopping' });
      process.kill(second, 'SIGCONT');
      await generations.line('stop ordered', ({ pid, now }) => pid === second && now === true);
      await generations.until(() => generations.alive().length === 0, 'all to leave');
    });
  });
});

test.concurrent('one that died leaves nothing beside a control path that was changed', needs, async () => {
  await trial({ ...LONG, fault: { at: 'sent:ready', action: 'kill' } }, async (trial) => {
    const { generations, first } = trial;
    const other = join(generations.directory, 'other');
    trial.deploy({ servers: [{ rollbackWindow: 60_000, controlPath: other }] });
    const second = await generations.restart();
    expect(await generations.order(ROLLBACK, undefined, other)).toMatchObject({ type: 'failed' });
    await generations.gone(first);
    await trial.expectOwner(second, 2, [], ['other', 'other.lock']);
  });
});

test.concurrent('a successor that gives a very long reason leaves the status readable', needs, async () => {
  await trial({}, async (trial) => {
    const { generations, first } = trial;
    const peer = new ControlPeer(generations.controlPath);
    try {
      peer.send({ type: 'take-over', versions: [1], features: [], pid: 1 });
      await generations.until(() => peer.messages.length > 0, 'an offer');
      peer.send({ type: 'failed', code: 'NO', message: 'x'.repeat(65_400) });
      await generations.line('hand-over failed, serving on');
      await trial.expectOwner(first, 1);
    } finally {
      peer.close();
    }
  });
});
