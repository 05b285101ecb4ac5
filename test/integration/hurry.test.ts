/** Draining that is cut short: by an operator who stops at once, and by `maxDraining`. */
import { expect, test } from 'vitest';
import { requirement } from '../support/requirements.js';
import { trial } from '../support/trial.js';

const needs = requirement('addon', 'proc');

test.concurrent('a stop with `now` ends every generation at once and says what was cut', needs, async () => {
  await trial({}, async (trial) => {
    const { generations, first } = trial;
    const oldest = await trial.hold();
    trial.deploy({});
    const second = await generations.restart();
    const latest = await trial.hold();
    expect(await generations.order({ type: 'stop', now: true })).toEqual({ type: 'stopping' });
    await Promise.all([oldest.closed, latest.closed]);
    for (const pid of [first, second]) {
      await generations.line(
        'the drain deadline cut connections',
        (line) => line.pid === pid && Number(line['cut']) >= 1,
      );
      await generations.gone(pid);
    }
    expect(generations.alive()).toEqual([]);
  });
});

test.concurrent('without it both are waited for', needs, async () => {
  await trial({}, async (trial) => {
    const { generations, first } = trial;
    const oldest = await trial.hold();
    trial.deploy({});
    await generations.restart();
    await generations.order({ type: 'stop' });
    await generations.line('waiting for earlier generations');
    expect(await oldest.ask('who')).toBe(`who ${first}`);
    oldest.end();
    await generations.until(() => generations.alive().length === 0, 'both to leave');
  });
});

test.concurrent('a second TERM at the final stop ends them, too', needs, async () => {
  await trial({}, async (trial) => {
    const { generations } = trial;
    const oldest = await trial.hold();
    trial.deploy({});
    const second = await generations.restart();
    process.kill(second, 'SIGTERM');
    await generations.line('waiting for earlier generations');
    // Within 80 ms it would be the same order once more.
    await new Promise((resolve) => setTimeout(resolve, 100));
    process.kill(second, 'SIGTERM');
    await oldest.closed;
    await generations.until(() => generations.alive().length === 0, 'both to leave');
  });
});

test.concurrent(
  'with maxDraining the oldest leaves when there are more, the others stay',
  needs,
  async () => {
    const version = { servers: [{ maxDraining: 2, rollbackWindow: 60_000 }] };
    await trial(version, async (trial) => {
      const { generations } = trial;
      const pids = [trial.first];
      const held = [await trial.hold()];
      for (let count = 1; count <= 3; count += 1) {
        trial.deploy(version);
        pids.push(await generations.restart());
        held.push(await trial.hold());
      }
      await held[0]?.closed;
      await generations.gone(pids[0] ?? 0);
      await trial.expectOwner(pids[3] ?? 0, 4, pids.slice(1, 3));
      await trial.until(({ draining }) => (draining as unknown[]).length === 2);
      for (const [at, one] of held.entries()) {
        if (at > 0) expect(await one.ask('who')).toBe(`who ${pids[at]}`);
      }
      await trial.expectNothingLost();
    });
  },
);
