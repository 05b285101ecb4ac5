/** Walks all faults of a hand-over: `npm run test:faults -- --help`; see docs/reliability.md. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { catalogue, isStep } from './catalogue.js';
import { nameOfPlan, nameOfPoint, type Plan, type Start } from './fault.js';
import { buildInterposer, type Point } from './interposer.js';
import type { Baseline } from './judge.js';
import { seeded, shuffled } from './random.js';
import { inWords, isGood, Report } from './report.js';
import { tryPlan } from './trial.js';
import { walk } from './walk.js';

const STARTS: readonly Start[] = ['restart', 'launch'];
/** A point counts that any of so many hand-overs without a fault has reached. */
const REHEARSALS = 3;
const PROGRESS_MILLISECONDS = 10_000;

interface Options {
  seed: number;
  only?: string;
  pairs: number;
  sample?: number;
  jobs: number;
  rate: number;
  minutes: number;
  json?: string;
  list?: true;
}

const { seed, only, pairs, sample, jobs, rate, minutes, json, list } = new Command('npm run test:faults --')
  .description('Tries every fault of a hand-over, one at a time, and a sample of pairs.')
  .option('--seed <number>', 'what the samples are drawn with', Number, 1)
  .option('--only <name>', 'nothing but the faults whose name contains this')
  .option('--pairs <number>', 'how many pairs of faults, for each way to start', Number, 300)
  .option('--sample <number>', 'besides all faults at steps of the protocol, only so many others', Number)
  .option('--jobs <number>', 'trials at a time, and as many more in which a process is stopped', Number, 3)
  .option('--rate <number>', 'connections per second in each trial', Number, 200)
  .option('--minutes <number>', 'no trial begins later', Number, Infinity)
  .option('--json <file>', 'where the results go too, with the log of each trial that failed')
  .option('--list', 'says what would be tried')
  .parse()
  .opts<Options>();

const directory = mkdtempSync(join(tmpdir(), 'faults-'));
try {
  await main();
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const startedAt = performance.now();
  const library = buildInterposer(directory);
  const baselines = new Map<Start, Baseline>();
  const random = seeded(seed);
  const plans: Plan[] = [];
  const report = new Report(seed);
  for (const start of STARTS) {
    const rehearsal = await rehearse(start, library);
    baselines.set(start, rehearsal.baseline);
    const found = catalogue(start, rehearsal.points, pairs, random);
    const others = [...found.singles.filter((plan) => !isAtStep(plan)), ...found.pairs];
    plans.push(
      ...found.singles.filter(isAtStep),
      ...(sample === undefined ? others : shuffled(others, random).slice(0, sample)),
    );
  }
  const chosen = plans.filter((plan) => only === undefined || nameOfPlan(plan).includes(only));
  if (list) {
    for (const plan of chosen) console.log(nameOfPlan(plan));
    return;
  }
  console.error(`${chosen.length} trials`);
  const timer = setInterval(() => {
    const { trials, failures } = report.summary;
    console.error(
      `${trials} of ${chosen.length}, ${failures.length} failed, ${Math.round((performance.now() - startedAt) / 1_000)} s`,
    );
  }, PROGRESS_MILLISECONDS);
  const left = await walk({
    plans: chosen,
    jobs,
    limit: minutes * 60_000,
    attempt: (plan) => tryPlan(plan, { library, rate, baseline: baselines.get(plan.start) }),
    onOutcome: (outcome, plan) => {
      report.add(outcome, plan);
      if (outcome.problems.length > 0)
        console.error(`FAILED ${outcome.name}: ${outcome.problems.join('; ')}`);
    },
  });
  clearInterval(timer);
  const summary = report.end(left);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(summary, null, 2)}\n`);
  console.log(inWords(summary));
  if (!isGood(summary)) process.exitCode = 1;
}

/** Hand-overs in which nothing goes wrong: which points there are, and what is open afterwards. */
async function rehearse(start: Start, library: string): Promise<{ points: Point[]; baseline: Baseline }> {
  const points = new Map<string, Point>();
  let baseline: Baseline = {};
  for (let time = 0; time < REHEARSALS; time += 1) {
    const outcome = await tryPlan({ start, faults: [] }, { library, rate, baseline: undefined });
    if (outcome.problems.length > 0)
      throw new Error(`without any fault: ${outcome.problems.join('; ')}\n${outcome.log}`);
    for (const point of outcome.points) points.set(nameOfPoint(point), point);
    baseline = outcome.baseline;
  }
  return { points: [...points.values()], baseline };
}

function isAtStep({ faults }: Plan): boolean {
  return faults.length === 1 && faults.every(isStep);
}
