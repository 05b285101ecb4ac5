/** Error numbers by name. */
import { constants } from 'node:os';

export type ErrnoName = keyof typeof constants.errno | 'ETOOMANYREFS';

/** Node has no name for this one, and Linux no other number on the processors the addon is built for. */
const ETOOMANYREFS = 109;

export function errnoOf(name: ErrnoName): number {
  return name === 'ETOOMANYREFS' ? ETOOMANYREFS : constants.errno[name];
}

export function nameOfErrno(number: number): string {
  if (number === ETOOMANYREFS) return 'ETOOMANYREFS';
  const found = Object.entries(constants.errno).find(([, each]) => each === number);
  return found?.[0] ?? String(number);
}
