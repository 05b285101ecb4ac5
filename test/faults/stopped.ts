/** Continues processes that a fault has stopped, each when its time is over. */
import { stateOf } from '../support/processes.js';
import type { Fault } from './fault.js';
import type { Event } from './interposer.js';

export class Stopped {
  readonly #faults: readonly Fault[];
  /** Since when each was seen to be stopped, by its pid. */
  readonly #since = new Map<number, number>();

  constructor(faults: readonly Fault[]) {
    this.#faults = faults.filter(({ action }) => action === 'stop');
  }

  /** Whether any is stopped now. To be called again and again. */
  check(hits: readonly Event[]): boolean {
    if (this.#faults.length === 0) return false;
    for (const { pid, words } of hits) {
      if (words[3] !== 'stop' || stateOf(pid) !== 'T') continue;
      const since = this.#since.get(pid) ?? Date.now();
      this.#since.set(pid, since);
      const limit = Math.max(
        ...this.#faults.filter(({ side }) => side === words[0]).map(({ value }) => value),
      );
      if (Date.now() - since < limit) return true;
      this.#since.delete(pid);
      process.kill(pid, 'SIGCONT');
      return true;
    }
    return false;
  }
}
