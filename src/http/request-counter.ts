/** How many requests a server answers and has answered. */
import type { RequestCounts } from '../events.js';

/** Counts requests over all connections of one server. */
export class RequestCounter implements RequestCounts {
  #active = 0;
  #total = 0;

  get active(): number {
    return this.#active;
  }

  get total(): number {
    return this.#total;
  }

  begin(): void {
    this.#active += 1;
    this.#total += 1;
  }

  end(): void {
    this.#active -= 1;
  }
}
