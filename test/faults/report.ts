/** What a walk came to, in numbers and in words. */
import { nameOfPoint, type Plan } from './fault.js';
import type { Outcome } from './trial.js';

export interface Summary {
  seed: number;
  /** Faults whose points were reached. */
  faults: number;
  trials: number;
  pairs: number;
  connections: number;
  lost: Record<string, number>;
  lostUnexplained: number;
  /** Nobody could serve although somebody was there who should have. */
  outages: number;
  /** The only process was killed. */
  deserted: number;
  leaked: number;
  longestGap: number;
  neverReached: string[];
  noTimeFor: number;
  failures: { name: string; problems: string[]; log: string }[];
}

export class Report {
  readonly summary: Summary;
  readonly #reached = new Set<string>();
  readonly #missed = new Set<string>();

  constructor(seed: number) {
    this.summary = {
      seed,
      faults: 0,
      trials: 0,
      pairs: 0,
      connections: 0,
      lost: {},
      lostUnexplained: 0,
      outages: 0,
      deserted: 0,
      leaked: 0,
      longestGap: 0,
      neverReached: [],
      noTimeFor: 0,
      failures: [],
    };
  }

  add(outcome: Outcome, { start, faults }: Plan): void {
    const { summary } = this;
    summary.trials += 1;
    summary.connections += outcome.made;
    summary.outages += outcome.outages;
    summary.deserted += outcome.down ? 1 : 0;
    summary.leaked += outcome.leaked;
    for (const { because } of outcome.lost) {
      if (because === undefined) summary.lostUnexplained += 1;
      else summary.lost[because] = (summary.lost[because] ?? 0) + 1;
    }
    const isExcused = faults.some(({ action }) => action === 'stop') || outcome.down;
    if (!isExcused) summary.longestGap = Math.max(summary.longestGap, outcome.longestGap);
    const hits = outcome.hit.filter(Boolean).length;
    summary.faults += hits;
    if (hits === 2) summary.pairs += 1;
    for (const [at, fault] of faults.entries()) {
      const point = `${start}/${nameOfPoint(fault)}`;
      if (outcome.hit[at]) this.#reached.add(point);
      else if (faults.length === 1) this.#missed.add(point);
    }
    if (outcome.problems.length > 0) {
      const { name, problems, log } = outcome;
      summary.failures.push({ name, problems, log });
    }
  }

  /** `left` are plans that there was no time for. */
  end(left: readonly Plan[]): Summary {
    this.summary.noTimeFor = left.length;
    this.summary.neverReached = [...this.#missed].filter((point) => !this.#reached.has(point)).sort();
    return this.summary;
  }
}

export function isGood({ failures, lostUnexplained, outages, leaked }: Summary): boolean {
  return failures.length === 0 && lostUnexplained === 0 && outages === 0 && leaked === 0;
}

export function inWords(summary: Summary): string {
  const losses = Object.entries(summary.lost).map(([because, count]) => `  lost, ${because}: ${count}`);
  const failures = summary.failures.flatMap(({ name, problems }) => [
    `FAILED ${name}`,
    ...problems.map((problem) => `  ${problem}`),
    `  again: npm run test:faults -- --only '${name}'`,
  ]);
  return [
    ...failures,
    `seed ${summary.seed}`,
    `faults tried: ${summary.faults}, in ${summary.trials} trials (${summary.pairs} of them pairs)`,
    `connections made: ${summary.connections}`,
    ...losses,
    `  lost, unexplained: ${summary.lostUnexplained}`,
    `times with no server: ${summary.outages} (and ${summary.deserted} after the only process was killed)`,
    `longest time without an answer, nobody being stopped: ${summary.longestGap} ms`,
    `descriptors leaked: ${summary.leaked}`,
    `points never reached: ${summary.neverReached.join(' ') || 'none'}`,
    ...(summary.noTimeFor > 0 ? [`trials there was no time for: ${summary.noTimeFor}`] : []),
    `${summary.failures.length} trials failed`,
  ].join('\n');
}
