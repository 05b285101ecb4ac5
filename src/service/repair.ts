/** Puts right what a cleaner removed, or a successor that failed renamed or left behind. */
import { WAITS } from '../handover/protocol.js';
import { attempt } from './attempt.js';
import type { Seat } from './seat.js';
import type { Service } from './service.js';

/** Milliseconds until what failed is tried again; each time twice as long. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 60_000;

/**
 * Control paths and pid file lead to this process again, now or later: an owner whom they do not lead to cannot be told
 * anything. Byte 0 holders only.
 */
export function repair(service: Service, wait: number = FIRST_WAIT): void {
  const { pidFile } = service;
  const done = seatsOf(service).map((seat) =>
    attempt(service, 'the control path could not be put right', () => seat.repair(service.greeter)),
  );
  done.push(attempt(service, 'the pid file could not be put right', () => pidFile?.repair()));
  if (!done.every(Boolean)) repairLater(service, wait);
}

/** Of each service at most one is waiting. */
const waiting = new WeakSet<Service>();

/** After what could not be put in place. */
export function repairLater(service: Service, wait: number = FIRST_WAIT): void {
  if (waiting.has(service)) return;
  waiting.add(service);
  setTimeout(() => {
    waiting.delete(service);
    // What is another owner's, or nobody's any more, is not ours to put right; what is being handed over may come back.
    if (service.lifecycle.is('draining', 'standing-by', 'stopping', 'stopped')) return;
    if (service.lifecycle.is('serving')) repair(service, Math.min(2 * wait, LONGEST_WAIT));
    else repairLater(service, wait);
  }, wait).unref();
}

/** Removes what a successor that was killed had made ready beside control path and pid file. */
export async function sweep(service: Service): Promise<void> {
  const seats = seatsOf(service);
  try {
    // The lock of the dead comes free in a moment. Who else has it makes ready anew, under the same names.
    for (const { ownership } of seats) await ownership.takeNext(WAITS.ownerLock, service.stopping.signal);
    attempt(service, 'what a successor left behind could not be removed', () => {
      for (const seat of seats) seat.discardNext();
      service.pidFile?.discardNext();
    });
  } catch {
    // Somebody is next, or this process stops: either way it is not ours to tidy up.
  } finally {
    letNext(service);
  }
}

/** Lets others be next. If the kernel cannot release byte 1 now, later: held, it would keep every successor out. */
export function letNext(service: Service): void {
  release(service, seatsOf(service), FIRST_WAIT);
}

function release(service: Service, seats: readonly Seat[], wait: number): void {
  const stuck = seats.filter(
    ({ ownership }) => !attempt(service, 'byte 1 could not be released', () => ownership.releaseNext()),
  );
  if (stuck.length === 0) return;
  setTimeout(() => {
    // Others of this process may have taken it meanwhile, and release it themselves.
    const still = stuck.filter(({ ownership }) => ownership.isStuck);
    release(service, still, Math.min(2 * wait, LONGEST_WAIT));
  }, wait).unref();
}

/** Where successors look for this process: who served before looks at the former place, all others at the present one. */
function seatsOf({ formerSeat, seat }: Service): Seat[] {
  return [formerSeat, seat].filter((place) => place !== undefined);
}
