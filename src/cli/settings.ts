/** What stands before every command: which server is meant, how long to wait, and how to answer. */
import { type DurationRange, readDuration } from '../configuration/durations.js';
import { Problems } from '../configuration/given.js';
import { ConfigurationError } from '../errors.js';
import { Deadline } from './deadline.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';

/** As commander hands them over. */
export interface Settings {
  readonly control?: string;
  readonly pidfile?: string;
  readonly json?: boolean;
  readonly timeout?: string;
}

const POSITIVE: DurationRange = { positive: true };

/** The time a command has, or what it has when nobody says. */
export function deadlineOf({ timeout }: Settings, otherwise: number): Deadline {
  return new Deadline(timeout === undefined ? otherwise : readTimeout(timeout));
}

/** As in the environment of a server: a number with a unit. */
export function readTimeout(value: string): number {
  return readMilliseconds('--timeout', value, POSITIVE);
}

/** The same, for what may be 0. */
export function readDelay(label: string, value: string): number {
  return readMilliseconds(label, value, { positive: false });
}

function readMilliseconds(label: string, value: string, range: DurationRange): number {
  const problems = new Problems();
  const milliseconds = readDuration({ label, value, explicit: false }, range, problems);
  try {
    problems.throwIfAny();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new Failure(EXIT.usage, 'usage', error.problems.join(' '));
  }
  return milliseconds ?? 0;
}
