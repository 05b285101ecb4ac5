/** Processes that a test started, directly or not, known by a variable in their environment: so that none is forgotten. */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

export const MARK = 'UNINTERRUPTIBLE_TEST_MARK';

export class MarkedProcesses {
  readonly #mark = randomUUID();

  /** To be given to whatever is started. */
  get environment(): Record<string, string> {
    return { [MARK]: this.#mark };
  }

  /** Pids of all that live; a zombie does not. */
  alive(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        try {
          const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
          const state = /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
          return environment.includes(`${MARK}=${this.#mark}`) && state !== 'Z';
        } catch {
          return false;
        }
      });
  }

  /** Kills whatever is left. */
  async end(): Promise<void> {
    for (let left = this.alive(); left.length > 0; left = this.alive()) {
      for (const pid of left) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // Gone in the meantime.
        }
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
