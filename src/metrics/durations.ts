/** Durations as histograms, kept in counters so that they go on across generations. Pure. */
import type { Ledger } from './ledger.js';
import type { Tally } from './tally.js';
import type { Sample } from './text.js';

/** Upper bounds in seconds. A bound that goes, or comes, costs only its own bucket. */
const BOUNDS = {
  handover: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  drain: [0.1, 1, 5, 10, 30, 60, 300, 900, 3600],
} as const;

export type Duration = keyof typeof BOUNDS;

export function observe(ledger: Ledger, duration: Duration, milliseconds: number): void {
  ledger.count(`${duration}_count`);
  ledger.count(`${duration}_microseconds`, Math.round(milliseconds * 1_000));
  const bound = BOUNDS[duration].find((seconds) => milliseconds <= seconds * 1_000);
  if (bound !== undefined) ledger.count(`${duration}_le_${bound}`);
}

/** Buckets of this format include all that are smaller. */
export function histogram(total: Tally, duration: Duration): Sample[] {
  let sum = 0;
  const buckets = BOUNDS[duration].map((bound): Sample => {
    sum += total.get(`${duration}_le_${bound}`);
    return { suffix: '_bucket', labels: { le: bound }, value: sum };
  });
  const count = total.get(`${duration}_count`);
  return [
    ...buckets,
    { suffix: '_bucket', labels: { le: '+Inf' }, value: count },
    { suffix: '_sum', value: total.get(`${duration}_microseconds`) / 1_000_000 },
    { suffix: '_count', value: count },
  ];
}
