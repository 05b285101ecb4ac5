/** Walks the faults of a hand-over: `npm run test:faults -- --help`; see docs/reliability.md. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { catalogue, isAtStep, planNamed } from './catalogue.js';
import { nameOfPlan, type Plan, STARTS, type Start } from './fault.js';
import { buildInterposer } from './interposer.js';
import { type Options, readOptions } from './options.js';
import { seeded, shuffled } from './random.js';
import { type Rehearsal, rehearse } from './rehearsal.js';
import { inWords, isGood, Report } from './report.js';
import { tryPlan } from './trial.js';
import { walk } from './walk.js';

const PROGRESS_MILLISECONDS = 10_000;

const directory = mkdtempSync(join(tmpdir(), 'faults-'));
try {
  await main(readOptions());
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function main(options: Options): Promise<void> {
  const library = buildInterposer(directory);
  const exactly = options.only === undefined ? undefined : planNamed(options.only);
  const rehearsals = new Map<Start, Rehearsal>();
  for (const start of exactly === undefined ? STARTS : [exactly.start]) {
    rehearsals.set(start, await rehearse(start, library, options.rate));
  }
  const plans = exactly === undefined ? choose(rehearsals, options) : [exactly];
  if (options.list) {
    for (const plan of plans) console.log(nameOfPlan(plan));
    return;
  }
  const report = new Report(options.seed);
  const left = await observed(report, plans.length, (interrupted) =>
    walk({
      plans,
      jobs: options.jobs,
      limit: options.minutes * 60_000,
      signal: interrupted,
      attempt: (plan) =>
        tryPlan(plan, { library, rate: options.rate, baseline: rehearsals.get(plan.start)?.baseline }),
      onOutcome: (outcome, plan) => {
        report.add(outcome, plan);
        if (outcome.problems.length > 0) {
          console.error(`FAILED ${outcome.name}: ${outcome.problems.join('; ')}`);
        }
      },
    }),
  );
  const summary = report.end(left);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(summary, null, 2)}\n`);
  console.log(inWords(summary));
  if (!isGood(summary)) process.exitCode = 1;
}

/** Says how far it is; SIGINT ends it when the trials under way are over. */
async function observed<T>(
  report: Report,
  total: number,
  body: (interrupted: AbortSignal) => Promise<T>,
): Promise<T> {
  const interrupted = new AbortController();
  process.once('SIGINT', () => {
    console.error('ending the trials under way');
    interrupted.abort();
  });
  const startedAt = performance.now();
  console.error(`${total} trials`);
  const timer = setInterval(() => {
    const { trials, failures } = report.summary;
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    console.error(`${trials} of ${total}, ${failures.length} failed, ${seconds} s`);
  }, PROGRESS_MILLISECONDS);
  try {
    return await body(interrupted.signal);
  } finally {
    clearInterval(timer);
  }
}

function choose(
  rehearsals: ReadonlyMap<Start, Rehearsal>,
  { only, pairs, sample, seed }: Options,
): readonly Plan[] {
  const random = seeded(seed);
  const found = [...rehearsals].map(([start, { points }]) => catalogue(start, points, pairs, random));
  const singles = found.flatMap((each) => each.singles);
  const others = found.flatMap((each) => {
    const all = [...each.singles.filter((plan) => !isAtStep(plan)), ...each.pairs];
    return sample === undefined ? all : shuffled(all, random).slice(0, sample);
  });
  // The steps first: where time is short it is the sample that becomes smaller.
  const plans = [...singles.filter(isAtStep), ...others];
  return plans.filter((plan) => only === undefined || nameOfPlan(plan).includes(only));
}
