/** A process that is no child of ours, and whose end must be noticed all the same. */
import type { Binding, ControlSocket } from '../binding.js';
import { ObservedProcess } from './observed-process.js';

/** How often it is looked at where the kernel knows no pidfd. */
const POLL_MILLISECONDS = 50;

export class WatchedProcess {
  readonly pid: number;
  /** Resolves when it has ended, waited for or not. */
  readonly gone: Promise<void>;
  readonly #observed: ObservedProcess;
  #over = false;

  constructor(binding: Binding, pid: number) {
    this.pid = pid;
    this.#observed = new ObservedProcess(pid);
    this.gone = this.#watch(binding).then(() => {
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

  /** Keeps this process alive until then. */
  #watch(binding: Binding): Promise<void> {
    return new Promise((resolve) => {
      let watcher: ControlSocket;
      try {
        watcher = new binding.ControlSocket(binding.openProcess(this.pid), () => {
          watcher.close();
          resolve();
        });
        watcher.watch(true, false);
        watcher.ref();
      } catch {
        // Before Linux 5.3; or it has ended already.
        const timer = setInterval(() => {
          if (this.#observed.alive) return;
          clearInterval(timer);
          resolve();
        }, POLL_MILLISECONDS);
      }
    });
  }
}
