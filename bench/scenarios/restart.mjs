// Restarts under load: new connections at a fixed rate, and twenty that stay.
import { setTimeout as delay } from 'node:timers/promises';
import { startLoad } from '../../test/support/load/start.mjs';
import { wallClock } from '../clock.mjs';
import { available, restartContenders } from '../contenders/index.mjs';
import { Recording } from '../observe/recording.mjs';
import { ProcessWatch } from '../observe/watch.mjs';
import { onStage } from '../stage.mjs';
import { evaluateRestarts } from './restart-evaluation.mjs';
import { runAll } from './runs.mjs';

const LONG_LIVED = { count: 20, interval: 100 };
const ANSWERS = { echo: 'echo-pid', http: 'http-pid' };
const SWITCH_DEADLINE = 10_000;

export const restart = {
  name: 'restart',
  sizes: {
    full: { rates: { echo: [1000, 5000], http: [1000] }, restarts: 10, settle: 2000, quiet: 1500 },
    tiny: { rates: { echo: [100], http: [100] }, restarts: 1, settle: 200, quiet: 200 },
  },
  async run({ size, contenders, log }) {
    const { found, skipped } = await available(restartContenders, contenders);
    for (const { name, why } of skipped) log(`${name} is skipped: ${why}`);
    const attempts = Object.entries(size.rates).flatMap(([protocol, rates]) =>
      rates.flatMap((rate) =>
        found
          .filter(({ protocols }) => protocols.includes(protocol))
          .map((contender) => ({
            contender,
            what: `${protocol}, ${rate} connections a second`,
            run: () => oneRun(contender, { protocol, rate, ...size }),
          })),
      ),
    );
    return { skipped, ...(await runAll(attempts, log)) };
  },
};

async function oneRun(contender, { protocol, rate, restarts, settle, quiet }) {
  return onStage(async (stage) => {
    const record = stage.path('record.json');
    const service = await contender.start(stage, protocol);
    const watch = new ProcessWatch(stage);
    const load = await startLoad({
      target: { host: '127.0.0.1', port: service.port },
      answer: ANSWERS[protocol],
      longLived: { ...LONG_LIVED, holdFor: contender.holdFor },
      rate,
      record,
    });
    try {
      const from = wallClock() + settle;
      await delay(settle);
      const orders = [];
      for (let number = 0; number < restarts; number += 1) {
        await delay(quiet);
        orders.push(await order(service, load));
      }
      await delay(quiet);
      const result = await load.stop();
      const recording = new Recording(record);
      return { protocol, rate, ...evaluateRestarts({ recording, watch, orders, result, from }) };
    } finally {
      watch.end();
      await load.kill();
    }
  });
}

/** One restart; resolves when the tool says that it is done and somebody new answers. */
async function order(service, load) {
  const known = new Set(Object.keys(load.progress.pids));
  const orderedAt = wallClock();
  const { exitCode } = await service.restart();
  const isNew = ({ pids }) => Object.keys(pids).some((pid) => !known.has(pid));
  await load.waitFor(isNew, SWITCH_DEADLINE, 'an answer of the new process');
  return { orderedAt, doneAt: wallClock(), exitCode };
}
