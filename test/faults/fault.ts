/** Faults by name: `old:sendmsg#3=kill`, two of them joined by `+`. */
import { nameOfErrno } from './errno.js';
import type { Act, Point } from './interposer.js';

/**
 * Which hand-over it is: to a process that the owner starts, to one launched on its own, or, by order, back to the one
 * before.
 */
export const STARTS = ['restart', 'launch', 'rollback'] as const;
export type Start = (typeof STARTS)[number];

/** One thing that goes wrong at one point. */
export interface Fault extends Point, Act {}

/** What one trial tries: one fault, two, or none. */
export interface Plan {
  start: Start;
  faults: readonly Fault[];
}

export function nameOfPoint({ side, call, number }: Point): string {
  return `${side}:${call}#${number}`;
}

export function nameOfAct({ action, value }: Act): string {
  return action === 'errno' ? nameOfErrno(value) : action;
}

function nameOfFault(fault: Fault): string {
  return `${nameOfPoint(fault)}=${nameOfAct(fault)}`;
}

export function nameOfPlan({ start, faults }: Plan): string {
  return `${start}/${faults.map(nameOfFault).join('+')}`;
}
