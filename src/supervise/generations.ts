/**
 * The chain of generations, seen from outside: who is the main process, and which of those before it are still there.
 * Said by `MAINPID=`; who died is found out by whoever waits for processes.
 */
import { ObservedProcess } from '../process/observed-process.js';

export class Generations {
  #main: ObservedProcess;
  /** The command itself may be a wrapper (npm, sh) that serves nobody. */
  #isGeneration = false;
  /** Who speaks for a main process that knows nothing of this: the keeper of `exec`. */
  #keeper = 0;
  /** Earlier main processes that have not been seen to end. */
  readonly #earlier = new Map<number, ObservedProcess>();

  /** The command itself is the main process until another is announced. */
  constructor(pid: number) {
    this.#main = new ObservedProcess(pid);
  }

  get main(): ObservedProcess {
    return this.#main;
  }

  /**
   * Whether this made another process the main one. Believed of a process that speaks for itself, and of the main one
   * and its keeper that name a successor: a predecessor that was stopped for a while must not name one who has left since.
   */
  announce(pid: number, sender: number): boolean {
    if (pid <= 1 || pid === process.pid) return false;
    if (pid === this.#main.pid) {
      this.#isGeneration = true;
      if (sender !== pid && !this.#earlier.has(sender)) this.#keeper = sender;
      return false;
    }
    if (sender !== pid && sender !== this.#main.pid && sender !== this.#keeper) return false;
    const announced = this.#earlier.get(pid) ?? new ObservedProcess(pid);
    if (!announced.alive) return false;
    if (this.#isGeneration) this.#earlier.set(this.#main.pid, this.#main);
    this.#earlier.delete(pid);
    this.#main = announced;
    this.#keeper = 0;
    this.#isGeneration = true;
    return true;
  }

  /** Whether this process speaks for the service: of other children nobody asked, unless a wrapper hides who serves. */
  speaks(pid: number): boolean {
    return !this.#isGeneration || pid === this.#main.pid || pid === this.#keeper || this.#earlier.has(pid);
  }

  /** Whether this is, or was, a process that serves: a zombie too, until `earlier` is asked for. */
  includes(pid: number): boolean {
    return (this.#isGeneration && pid === this.#main.pid) || this.#earlier.has(pid);
  }

  /** Earlier main processes that still drain or stand by. */
  get earlier(): ObservedProcess[] {
    for (const [pid, generation] of this.#earlier) {
      if (!generation.alive) this.#earlier.delete(pid);
    }
    return [...this.#earlier.values()];
  }
}
