/** Faults by name: `old:sendmsg#3=kill`, two of them joined by `+`. */
import { constants } from 'node:os';
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

function nameOfAct({ action, value }: Act): string {
  if (action !== 'errno') return action;
  const found = Object.entries(constants.errno).find(([, number]) => number === value);
  return found?.[0] ?? String(value);
}

function nameOfFault(fault: Fault): string {
  return `${nameOfPoint(fault)}=${nameOfAct(fault)}`;
}

export function nameOfPlan({ start, faults }: Plan): string {
  return `${start}/${faults.map(nameOfFault).join('+')}`;
}
