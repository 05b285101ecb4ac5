/** An instant after which nobody waits any more; several waits share one. */

/** setTimeout counts in 31 bits; what is longer fires at once. */
const LONGEST_MILLISECONDS = 2 ** 31 - 1;

export class Deadline {
  /** What was allowed in all, in milliseconds. */
  readonly milliseconds: number;
  readonly #at: number;

  constructor(milliseconds: number) {
    this.milliseconds = Math.min(milliseconds, LONGEST_MILLISECONDS);
    this.#at = performance.now() + this.milliseconds;
  }

  get left(): number {
    return Math.max(0, this.#at - performance.now());
  }

  get over(): boolean {
    return this.left === 0;
  }

  /** Not later than this one, and not later than so many milliseconds from now. */
  atMost(milliseconds: number): Deadline {
    return new Deadline(Math.min(this.left, milliseconds));
  }
}
