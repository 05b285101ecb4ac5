/** Durations: milliseconds as a number in code, a number with a unit in the environment. Pure. */
import { type Given, type Problems, print } from './given.js';

/** Node's timers count in 31 bits; what is longer fires at once. */
const LONGEST_DURATION = 2 ** 31 - 1;

const MILLISECONDS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** What a duration must be: `least` 0, or `positive`. */
export interface DurationRange {
  readonly positive: boolean;
}

/** Milliseconds, or undefined with a problem added. */
export function readDuration(given: Given, range: DurationRange, problems: Problems): number | undefined {
  const { label } = given;
  const milliseconds = given.explicit ? fromCode(given.value) : fromEnvironment(given.value);
  if (typeof milliseconds === 'string') {
    problems.add(`${label} ${milliseconds}`);
    return undefined;
  }
  if (milliseconds < 0 || (range.positive && milliseconds === 0)) {
    problems.add(
      `${label} must be ${range.positive ? 'more than 0' : '0 or more'}, not ${print(given.value)}.`,
    );
    return undefined;
  }
  if (milliseconds > LONGEST_DURATION) {
    problems.add(
      `${label} must be at most ${LONGEST_DURATION} ms (24.8 days, the longest a timer can run), not ${print(given.value)}.`,
    );
    return undefined;
  }
  return milliseconds;
}

/** Milliseconds, or the rest of a sentence. */
function fromCode(value: unknown): number | string {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  const milliseconds = typeof value === 'string' ? parse(value) : undefined;
  return milliseconds === undefined
    ? `must be a number of milliseconds, not ${print(value)}.`
    : `must be a number of milliseconds, not ${print(value)}: write ${milliseconds}; units are for the environment only.`;
}

function fromEnvironment(text: string): number | string {
  if (/^\d+(\.\d+)?$/.test(text)) {
    return `needs a unit: write ${text}s for seconds or ${text}ms for milliseconds instead of ${text}.`;
  }
  return parse(text) ?? `must be a number with a unit (500ms, 30s, 2m, 1h), not ${print(text)}.`;
}

function parse(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,15}(?:\.\d{1,15})?)(ms|s|m|h)$/.exec(text) ?? [];
  return unit === undefined ? undefined : Number(number) * MILLISECONDS[unit as keyof typeof MILLISECONDS];
}
