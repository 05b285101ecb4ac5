/** Waits until it is decided who serves after a hand-over in which something went wrong. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Generations } from '../support/generations.js';
import type { Fault } from './fault.js';
import type { Interposer } from './interposer.js';
import { rolesOf, settledOwner } from './roles.js';
import { Stopped } from './stopped.js';

/** Once nobody is stopped any more, everything must be decided within this. */
export const LIMIT = 20_000;
/** After the hand-over is over, for what still comes of it. */
const AFTERMATH = 400;
const POLL = 20;

export interface Contest {
  generations: Generations;
  interposer: Interposer;
  faults: readonly Fault[];
  /** Whether whoever was to begin the hand-over has done so. */
  begun: () => boolean;
  /** Called again and again: whether a process is stopped just now. */
  onLook: (isStopped: boolean) => void;
}

/** The owner's pid; null if nobody is left, undefined if it stays undecided. */
export async function decided(contest: Contest): Promise<number | null | undefined> {
  const { generations, interposer, faults, begun, onLook } = contest;
  const stopped = new Stopped(faults);
  const since = generations.lines.length;
  let settledSince: number | undefined;
  let deadline = performance.now() + LIMIT;
  let last = false;
  while (!last) {
    await delay(POLL);
    // Looked at once more after the deadline: this process may have been late itself.
    last = performance.now() > deadline;
    const { events } = interposer;
    const hits = events.filter(({ what }) => what === 'hit');
    const isStopped = stopped.check(hits);
    onLook(isStopped);
    if (isStopped) {
      deadline = performance.now() + LIMIT;
      last = false;
      continue;
    }
    const isUnderWay = generations.lines.length > since || hits.length > 0;
    if (!isUnderWay || !begun()) continue;
    const born = events.filter(({ what }) => what === 'born').map(({ pid }) => pid);
    const owner = settledOwner(rolesOf(born, generations.lines));
    if (owner === undefined) {
      settledSince = undefined;
      continue;
    }
    settledSince ??= performance.now();
    if (performance.now() - settledSince > AFTERMATH) return owner;
  }
  return undefined;
}
