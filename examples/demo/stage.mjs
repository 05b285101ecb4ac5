// Everything the demo brings into the world, and its end: a private directory, and processes that leave our session and our
// process tree as generations do. They all carry a mark in their environment, so none can be missed.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { processesMarked, signalAll } from './processes.mjs';

const MARK = 'DEMO_STAGE';
const PATIENCE = 3000;
const INTERVAL = 20;

export class Stage {
  directory = mkdtempSync(join(tmpdir(), 'uninterruptible-demo-'));
  #mark = randomUUID();

  constructor() {
    // Whatever is started from here on inherits it.
    process.env[MARK] = this.#mark;
    process.on('exit', () => this.#clearAtOnce());
  }

  /** The pids of all processes the demo has started, and of all those they have started. */
  processes() {
    return processesMarked(MARK, this.#mark);
  }

  /** Resolves with whether these processes have gone in time. */
  async gone(pids, patience) {
    const deadline = performance.now() + patience;
    const someAreThere = () => this.processes().some((pid) => pids.includes(pid));
    while (someAreThere()) {
      if (performance.now() > deadline) return false;
      await delay(INTERVAL);
    }
    return true;
  }

  /** Asks every process to leave, and kills those that have not after a while. */
  async clear() {
    const deadline = performance.now() + PATIENCE;
    // Again and again: a process that is told to leave may just have started another one.
    while (this.processes().length > 0 && performance.now() < deadline) {
      signalAll(this.processes(), 'SIGTERM');
      await delay(100);
    }
    this.#clearAtOnce();
  }

  #clearAtOnce() {
    const deadline = performance.now() + PATIENCE;
    // Twice nobody: the list of processes is not read in one instant.
    for (let nobody = 0; nobody < 2 && performance.now() < deadline; ) {
      const pids = this.processes();
      nobody = pids.length === 0 ? nobody + 1 : 0;
      signalAll(pids, 'SIGKILL');
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}
