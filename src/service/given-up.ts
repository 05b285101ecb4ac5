/**
 * What the log says of listeners that end with a hand-over: clients are refused there from then on. It is meant where a
 * new version listens elsewhere; where two services were given one control path, it is all that anybody would see.
 */
import type { Log } from '../log/log.js';

export interface GivenUp {
  /** Addresses as bound. */
  listeners: readonly string[];
  /** Whether any other changed hands. */
  othersShared: boolean;
  /** The version on the other side, in words. */
  other: string;
  /** Why they end, in words. */
  because: string;
}

export function warnOfGivenUp(log: Log, { listeners, othersShared, other, because }: GivenUp): void {
  for (const listener of listeners) log.warn(`${listener} is given up: ${because}`);
  if (listeners.length > 0 && !othersShared) {
    log.error(
      `no listener is shared with ${other}: is that the same service? Each needs a controlPath of its own`,
    );
  }
}
