/** Options that say how many there may be at most. */
import { type GivenOptions, type OptionName, type Problems, print } from './given.js';

/** A whole number of 1 or more; null: no limit. */
export function readLimit(
  given: GivenOptions,
  option: OptionName,
  fallback: number | null,
  problems: Problems,
): number | null {
  const found = given.get(option);
  if (found === undefined) return fallback;
  const { label, value } = found;
  if (value === null || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1)) {
    return value;
  }
  problems.add(`${label} must be a whole number of 1 or more, or null, not ${print(value)}.`);
  return fallback;
}
