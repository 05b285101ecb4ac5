/** Counters by name. Nothing here knows the names, so what a later release counts passes through an older one. Pure. */
import { type Counters, MAX_COUNTERS } from '../handover/protocol.js';

export class Tally {
  readonly #counts = new Map<string, number>();

  static of(counters: Counters): Tally {
    const tally = new Tally();
    for (const [name, count] of Object.entries(counters)) tally.add(name, count);
    return tally;
  }

  get(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  add(name: string, by = 1): void {
    this.#set(name, this.get(name) + by);
  }

  addAll(other: Tally): void {
    for (const [name, count] of other.#counts) this.add(name, count);
  }

  /** Each counter becomes the higher of both: of two reports of one process the later has more. */
  raise(other: Tally): void {
    for (const [name, count] of other.#counts) this.#set(name, Math.max(this.get(name), count));
  }

  /** What there is beyond another; nothing where that has more. */
  beyond(other: Tally): Tally {
    const rest = new Tally();
    for (const [name, count] of this.#counts) rest.add(name, Math.max(0, count - other.get(name)));
    return rest;
  }

  copy(): Tally {
    const copy = new Tally();
    copy.addAll(this);
    return copy;
  }

  /** As it travels: no noughts, and no more than one message may have. */
  toCounters(): Counters {
    const counted = [...this.#counts].filter(([, count]) => count > 0);
    return Object.fromEntries(counted.slice(0, MAX_COUNTERS));
  }

  #set(name: string, count: number): void {
    this.#counts.set(name, Math.min(count, Number.MAX_SAFE_INTEGER));
  }
}
