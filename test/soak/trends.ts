/** Whether anything grows. */
import { fitLine, type Line } from './fit.js';
import { MEASURES, type Measure } from './measures.js';
import type { Sample } from './sample.js';

/** `undecided`: so few restarts, so much noise or so busy a machine that it may be more than is tolerated, or not. */
export type Verdict = 'flat' | 'grows' | 'undecided';

export interface Trend {
  measure: Measure;
  /** For each 1,000 restarts; undefined where there are too few values. */
  line: Line | undefined;
  /** Of the slope. */
  limit: number;
  verdict: Verdict;
}

/** The first generations fill caches and pools, and meet clients that have only begun. */
const WARM_UP = 20;
const RESTARTS = 1_000;

export function trendsOf(samples: readonly Sample[]): Trend[] {
  const settled = afterWarmUp(samples);
  const span = ((settled.at(-1)?.restart ?? 0) - (settled[0]?.restart ?? 0)) / RESTARTS;
  return MEASURES.map((measure) => {
    const points = settled.flatMap((sample) => {
      const y = measure.of(sample);
      return y === undefined ? [] : [{ x: sample.restart / RESTARTS, y }];
    });
    const line = fitLine(points);
    // What settles, settles by so much altogether, however steep that looks in a short run.
    const limit = measure.tolerance / Math.min(1, span);
    const isKnown = points.length >= (measure.least ?? 0);
    const verdict = verdictOn(isKnown ? line : undefined, limit);
    const isExcused = verdict === 'grows' && measure.followsMachine === true;
    return { measure, line, limit, verdict: isExcused ? 'undecided' : verdict };
  });
}

/** Without the first twenty, or the first fifth where that is less. */
export function afterWarmUp(samples: readonly Sample[]): readonly Sample[] {
  return samples.slice(Math.min(WARM_UP, Math.ceil(samples.length / 5)));
}

/** Only what even the least steep line would be is held against it: noise alone does not fail. */
function verdictOn(line: Line | undefined, limit: number): Verdict {
  if (line === undefined) return 'undecided';
  if (line.low > limit) return 'grows';
  return line.high <= limit ? 'flat' : 'undecided';
}
