/**
 * The chain of generations, seen from outside: who is the main process, and which of those before it are still there.
 * Said by `MAINPID=`; who died is found out by whoever waits for processes.
 */
import { ObservedProcess } from '../process/observed-process.js';

export class Generations {
  #main: ObservedProcess;
  /** The command itself may be a wrapper (npm, sh) that serves nobody. */
  #isGeneration = false;
  /** Who speaks for processes that know nothing of this, by the pid of each. */
  readonly #kept = new Map<number, { process: ObservedProcess; keeper: ObservedProcess }>();
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
   * A process is about to become another program, and has a keeper that speaks for it. Nobody else's word will do: a keeper
   * names successors, so whoever made itself one could name anybody.
   */
  keptBy(keeper: number, sender: number): void {
    if (keeper <= 1 || sender <= 1) return;
    for (const [pid, kept] of this.#kept) {
      // A keeper may outlive its program, and have something to say.
      const matters = kept.process.alive || pid === this.#main.pid || this.#earlier.has(pid);
      if (!matters || !kept.keeper.alive) this.#kept.delete(pid);
    }
    this.#kept.set(sender, { process: new ObservedProcess(sender), keeper: new ObservedProcess(keeper) });
  }

  /**
   * Whether this made another process the main one. A process is believed of itself, and the main one of its successor: a
   * predecessor that was stopped for a while must not name one who has left since.
   */
  announce(pid: number, sender: number): boolean {
    if (pid <= 1 || pid === process.pid) return false;
    const saysItself = this.#speaksFor(pid, sender);
    if (pid === this.#main.pid) {
      this.#isGeneration ||= saysItself;
      return false;
    }
    if (!saysItself && !this.#speaksFor(this.#main.pid, sender)) return false;
    const announced = this.#earlier.get(pid) ?? new ObservedProcess(pid);
    if (!announced.alive) return false;
    if (this.#isGeneration) this.#earlier.set(this.#main.pid, this.#main);
    this.#earlier.delete(pid);
    this.#main = announced;
    this.#isGeneration = true;
    return true;
  }

  /** Whether this process speaks for the service: of other children nobody asked, unless a wrapper hides who serves. */
  speaks(pid: number): boolean {
    return !this.#isGeneration || this.#speaksFor(this.#main.pid, pid) || this.#earlier.has(pid);
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

  #speaksFor(pid: number, sender: number): boolean {
    return sender === pid || sender === this.#kept.get(pid)?.keeper.pid;
  }
}
