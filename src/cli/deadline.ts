/** An instant after which nobody waits any more; several waits share one. */

export class Deadline {
  /** What was allowed in all, in milliseconds. */
  readonly milliseconds: number;
  readonly #at: number;

  constructor(milliseconds: number) {
    this.milliseconds = milliseconds;
    this.#at = performance.now() + milliseconds;
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
