// A bad new version under load: it throws, hangs, or starts and answers nonsense. How long is the service down, and who is told?
import { setTimeout as delay } from 'node:timers/promises';
import { startLoad } from '../../test/support/load/start.mjs';
import { wallClock } from '../clock.mjs';
import { available, deployContenders } from '../contenders/index.mjs';
import { Recording } from '../observe/recording.mjs';
import { onStage } from '../stage.mjs';
import { runAll } from './runs.mjs';

const ANSWER_TIMEOUT = 2000;

export const badDeploy = {
  name: 'bad-deploy',
  sizes: {
    full: { rate: 500, faults: ['throw', 'hang', 'answer-wrong'], settle: 1000, watch: 3000 },
    tiny: { rate: 50, faults: ['throw'], settle: 200, watch: 300 },
  },
  async run({ size, contenders, log }) {
    const { found, skipped } = await available(deployContenders, contenders);
    for (const { name, why } of skipped) log(`${name} is skipped: ${why}`);
    const attempts = size.faults.flatMap((fault) =>
      found.map((contender) => ({
        contender,
        what: `a version that will ${fault}`,
        run: () => oneRun(contender, { fault, ...size }),
      })),
    );
    return { skipped, rate: size.rate, watch: size.watch, ...(await runAll(attempts, log)) };
  },
};

async function oneRun(contender, { fault, rate, settle, watch }) {
  return onStage(async (stage) => {
    const record = stage.path('record.json');
    const service = await contender.start(stage, 'echo');
    const load = await startLoad({
      target: { host: '127.0.0.1', port: service.port },
      answer: 'echo-pid',
      answerTimeout: ANSWER_TIMEOUT,
      rate,
      record,
    });
    try {
      await delay(settle);
      stage.deploy(fault);
      const orderedAt = wallClock();
      const { exitCode } = await service.restart();
      const took = wallClock() - orderedAt;
      await delay(watch);
      await load.stop();
      const recording = new Recording(record);
      return {
        fault,
        exitCode,
        took,
        failed: recording.losses((due) => due >= orderedAt),
        outage: recording.outages(rate),
      };
    } finally {
      await load.kill();
    }
  });
}
