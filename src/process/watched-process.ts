/** A process that is no child of ours, and whose end must be noticed all the same. */
import type { Binding } from '../binding.js';
import { ObservedProcess } from './observed-process.js';
import { watchEnd } from './watch-end.js';

export class WatchedProcess {
  readonly pid: number;
  /** Resolves when it has ended, waited for or not; this process stays alive until then. */
  readonly gone: Promise<void>;
  readonly #observed: ObservedProcess;
  #over = false;

  constructor(binding: Binding, pid: number) {
    this.pid = pid;
    this.#observed = new ObservedProcess(pid);
    const look = (): true | undefined => (this.#observed.alive ? undefined : true);
    this.gone = watchEnd(binding, pid, { look, keepsAlive: true }).then(() => {
      this.#over = true;
    });
  }

  get alive(): boolean {
    return !this.#over && this.#observed.alive;
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#over) this.#observed.signal(signal);
  }

  /** TERM, and KILL if it is still there after so many milliseconds. Resolves when it has ended. */
  async end(patience: number): Promise<void> {
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), patience);
    await this.gone;
    clearTimeout(timer);
  }
}
