/** Faults by name: `old:sendmsg#3=kill`, two of them joined by `+`. */
import { nameOfErrno } from './errno.js';
import type { Act, Point } from './interposer.js';

/** How the successor comes to be: started by the owner, or launched on its own. */
export type Start = 'restart' | 'launch';

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
