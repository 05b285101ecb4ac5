/** The rows of the failure table in which one side is stopped (SIGSTOP) past a wait of the other, and then continued. */
import { describe, expect, test } from 'vitest';
import { WAITS } from '../../src/handover/protocol.js';
import type { Version } from '../support/generations.js';
import { requirement } from '../support/requirements.js';
import { type Trial, trial } from '../support/trial.js';

const needs = requirement('addon', 'proc');
const MARGIN = 500;
const FAILED = 'hand-over failed, serving on';
const LONG = { deadline: WAITS.yours + 10_000 };

const stopsAt = (at: string): Version => ({ fault: { at, action: 'stop' } });

describe('the new process is stopped', () => {
  /** What the old one says when it has started the new one, and how long that took. */
  const STARTED = [
    { at: 'received:offer', code: 'HANDOVER_TIMEOUT', says: '"received" within 5000 ms' },
    { at: 'sent:ready', code: 'HANDOVER_TIMEOUT', says: '"owner" within 5000 ms' },
    { at: 'received:yours', code: 'HANDOVER_TIMEOUT', says: '"owner" within 5000 ms' },
    { at: 'lock:owner:true', code: 'HANDOVER_TIMEOUT', says: '"owner" within 5000 ms' },
    { at: 'lock:next:false', code: 'HANDOVER_TIMEOUT', says: '"owner" within 5000 ms' },
  ];
  test.concurrent.for(STARTED)(
    'at $at: the old one ends it and serves on',
    needs,
    async ({ at, code, says }) => {
      await trial({}, async (trial) => {
        trial.deploy(stopsAt(at));
        const answer = await trial.generations.order({ type: 'restart' });
        expect(answer).toMatchObject({
          type: 'failed',
          code: `UNINTERRUPTIBLE_${code}`,
          message: expect.stringContaining(says) as string,
          lastWords: expect.stringContaining(`fault: stop at ${at}`) as string,
        });
        await trial.expectOwner(trial.first, 1);
        await trial.expectNothingLost();
      });
    },
  );

  test.concurrent('until its readyTimeout is over: the old one ends it and serves on', needs, async () => {
    await trial({ servers: [{ readyTimeout: 1_500 }] }, async (trial) => {
      trial.deploy(stopsAt('step:ready'));
      expect(await trial.generations.order({ type: 'restart' })).toMatchObject({
        type: 'failed',
        code: 'UNINTERRUPTIBLE_RESTART_TIMEOUT',
        message: expect.stringContaining('1500 ms') as string,
      });
      await trial.expectOwner(trial.first, 1);
      await trial.expectNothingLost();
    });
  });

  test.concurrent(
    'until the readyTimeout is over, launched on its own: it reads that and leaves',
    needs,
    async () => {
      await trial({ servers: [{ readyTimeout: 1_500 }] }, async (trial) => {
        const { generations, first } = trial;
        trial.deploy(stopsAt('step:ready'));
        const pid = generations.launch().pid!;
        await generations.line(FAILED);
        await trial.expectOwner(first, 1, [pid], ['control.next', 'pid.next']);
        process.kill(pid, 'SIGCONT');
        await trial.expectOwner(first, 1);
        expect(generations.stderr).toContain('UNINTERRUPTIBLE_HANDOVER_CANCELLED');
        await trial.expectNothingLost();
      });
    },
  );

  test.concurrent.for(['sent:ready', 'received:yours'])(
    'at %s, launched on its own: the old one takes byte 0 back, and it starts again',
    needs,
    async (at) => {
      await trial({}, async (trial) => {
        const { generations, first } = trial;
        trial.deploy(stopsAt(at));
        const pid = generations.launch().pid!;
        await generations.line(FAILED);
        await trial.expectOwner(first, 1, [pid], ['control.next', 'pid.next']);
        process.kill(pid, 'SIGCONT');
        await generations.line('another process was faster, trying again');
        await trial.expectOwner(pid, 3);
        await trial.expectNothingLost();
      });
    },
  );

  test.concurrent(
    'past its own wait for `yours`: it reads what came meanwhile before it gives up',
    needs,
    async () => {
      await trial(stopsAt('received:ready'), async (trial) => {
        const { generations, first } = trial;
        trial.deploy({});
        const pid = generations.launch().pid!;
        await trial.stopped(first, MARGIN);
        process.kill(pid, 'SIGSTOP');
        process.kill(first, 'SIGCONT');
        await trial.stopped(pid, WAITS.yours + MARGIN);
        await trial.expectOwner(first, 1, [pid], ['control.next', 'pid.next']);
        process.kill(pid, 'SIGCONT');
        await generations.line('another process was faster, trying again');
        await trial.expectOwner(pid, 3);
        await trial.expectNothingLost();
      });
    },
  );

  test.concurrent.for(['lock:owner:true', 'lock:next:false'])(
    'at %s, launched on its own: the old one accepts until the new one goes on',
    needs,
    async (at) => {
      await trial({}, async (trial) => {
        const { generations, first } = trial;
        trial.deploy(stopsAt(at));
        const pid = generations.launch().pid!;
        await generations.line('no word from the new owner, still accepting');
        expect(await generations.request('who')).toBe(`who ${first}`);
        process.kill(pid, 'SIGCONT');
        await generations.gone(first);
        await trial.expectOwner(pid, 2);
        await trial.expectNothingLost();
      });
    },
  );
});

describe('the old process is stopped', () => {
  const STARTS: Record<string, (trial: Trial) => Promise<number>> = {
    'started by it': async ({ generations, first }) => {
      process.kill(first, 'SIGUSR1');
      return (await generations.line('started'))['child'] as number;
    },
    'launched on its own': async ({ generations }) => generations.launch().pid!,
  };
  const STEPS = ['received:take-over', 'sent:offer', 'received:ready', 'lock:owner:false'];
  const both = Object.entries(STARTS).flatMap(([how, start]) => STEPS.map((at) => ({ how, start, at })));

  test.concurrent.for(both)(
    'at $at: a new one $how waits in vain and leaves, the old one wakes and serves',
    needs,
    async ({ at, start }) => {
      await trial(stopsAt(at), async (trial) => {
        const { generations, first } = trial;
        trial.deploy({});
        const second = await start(trial);
        await generations.gone(second, LONG.deadline);
        process.kill(first, 'SIGCONT');
        await generations.line(FAILED);
        await trial.expectOwner(first, 1);
        await trial.expectNothingLost();
      });
    },
  );

  test.concurrent.for(['sent:yours', 'received:owner'])(
    'at %s: the new one goes on, and it drains when it wakes',
    needs,
    async (at) => {
      await trial(stopsAt(at), async (trial) => {
        const { generations, first } = trial;
        trial.deploy({});
        process.kill(first, 'SIGUSR1');
        const second = await trial.successor();
        await trial.stopped(first, WAITS.owner + MARGIN);
        await trial.expectOwner(second, 2, [first]);
        process.kill(first, 'SIGCONT');
        await trial.expectOwner(second, 2);
        expect(generations.lines.filter(({ msg }) => msg === FAILED)).toEqual([]);
        await trial.expectNothingLost();
      });
    },
  );

  test.concurrent(
    'while it drains: an owner that stops waits a second for it, not for ever',
    needs,
    async () => {
      await trial({}, async (trial) => {
        const { generations, first } = trial;
        const held = await trial.hold();
        trial.deploy({});
        const second = await generations.restart();
        await generations.line('draining');
        process.kill(first, 'SIGSTOP');
        process.kill(second, 'SIGTERM');
        await generations.line('an earlier generation does not answer and is not waited for');
        await generations.gone(second);
        trial.pardon();
        generations.launch();
        const third = await generations.line('serving', ({ pid }) => pid !== first && pid !== second);
        process.kill(first, 'SIGCONT');
        await generations.line('can no longer serve again', ({ pid }) => pid === first);
        held.end();
        await trial.expectOwner(third.pid, 1);
      });
    },
  );

  test.concurrent(
    'while it drains and the owner changes: it hears of that when it wakes',
    needs,
    async () => {
      await trial({}, async (trial) => {
        const { generations, first } = trial;
        const held = await trial.hold();
        trial.deploy({});
        const second = await generations.restart();
        await generations.line('draining');
        process.kill(first, 'SIGSTOP');
        const third = await generations.restart();
        await generations.gone(second);
        process.kill(first, 'SIGCONT');
        await generations.line('can no longer serve again', ({ pid }) => pid === first);
        await trial.until(({ draining }) => JSON.stringify(draining).includes(`"pid":${first},`));
        await trial.expectOwner(third, 3, [first]);
        held.end();
        await trial.expectOwner(third, 3);
        await trial.expectNothingLost();
      });
    },
  );
});
