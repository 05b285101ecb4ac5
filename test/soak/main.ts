/** Restarts a service a thousand times under load: `npm run soak -- --help`; see docs/reliability.md. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describeMachine } from '../../bench/machine.mjs';
import { type Options, readOptions } from './options.js';
import { plotSoak } from './plot.js';
import { inFull, inWords, isGood, progressInWords } from './report.js';
import { type Outcome, type Progress, soak } from './soak.js';
import { trendsOf } from './trends.js';

const PROGRESS_MILLISECONDS = 10_000;

const options = readOptions(process.argv.slice(2));
process.exitCode = typeof options === 'number' ? options : await main(options);

async function main(options: Options): Promise<number> {
  const machine = describeMachine();
  const outcome = await observed(options);
  const trends = trendsOf(outcome.samples);
  write(options.svg, plotSoak(outcome.samples, trends));
  if (options.json !== undefined) {
    write(options.json, `${JSON.stringify({ machine, options, ...inFull(outcome, trends) }, shortened)}\n`);
  }
  console.log(inWords(outcome, trends));
  return isGood(outcome, trends) ? 0 : 1;
}

/** Says how far it is; SIGINT and the limit end it after the restart under way. */
async function observed({ restarts, connections, seed, minutes, plant: plants }: Options): Promise<Outcome> {
  const ending = new AbortController();
  const interrupt = (): void => {
    console.error('ending after this restart');
    ending.abort();
  };
  // Each time: dying of the second would leave the service behind.
  process.on('SIGINT', interrupt);
  const limit = Number.isFinite(minutes) ? setTimeout(() => ending.abort(), minutes * 60_000) : undefined;
  const startedAt = performance.now();
  let progress: Progress | undefined;
  const timer = setInterval(() => {
    if (progress === undefined) return;
    const seconds = (performance.now() - startedAt) / 1_000;
    const { restart } = progress.latest;
    const left = Math.min((seconds / restart) * (restarts - restart), minutes * 60 - seconds);
    console.error(progressInWords(progress, restarts, left));
  }, PROGRESS_MILLISECONDS);
  try {
    return await soak({
      restarts,
      connections,
      seed,
      plants,
      signal: ending.signal,
      onProgress: (latest) => {
        progress = latest;
      },
    });
  } finally {
    process.off('SIGINT', interrupt);
    clearInterval(timer);
    clearTimeout(limit);
  }
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Five digits are more than was measured. */
function shortened(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
}
