/** When what goes on in this process began: the durations of its steps are counted from there. */
import type { Operation } from '../diagnostics.js';

export class Timeline {
  readonly #began = new Map<Operation, number>();

  begin(operation: Operation): void {
    this.#began.set(operation, performance.now());
  }

  /** Milliseconds since it began last; 0 if it never did. */
  elapsed(operation: Operation): number {
    const began = this.#began.get(operation);
    return began === undefined ? 0 : performance.now() - began;
  }
}
