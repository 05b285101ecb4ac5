/** Puts right what a cleaner removed, or a successor that failed renamed or left behind. */
import { WAITS } from '../handover/protocol.js';
import { attempt } from './attempt.js';
import type { Service } from './service.js';

/** Control path and pid file lead to this process again. Byte 0 holders only. */
export function repair(service: Service): void {
  const { seat, pidFile } = service;
  attempt(service, 'the control path could not be put right', () => seat?.repair(service.greeter));
  attempt(service, 'the pid file could not be put right', () => pidFile?.repair());
}

/** Removes what a successor that was killed had made ready beside control path and pid file. */
export async function sweep(service: Service): Promise<void> {
  const { seat, pidFile } = service;
  if (seat === undefined) return;
  try {
    // The lock of the dead comes free in a moment. Who else has it makes ready anew, under the same names.
    await seat.ownership.takeNext(WAITS.ownerLock, service.stopping.signal);
  } catch {
    return;
  }
  attempt(service, 'what a successor left behind could not be removed', () => {
    seat.discardNext();
    pidFile?.discardNext();
  });
  seat.ownership.releaseNext();
}
