/** A process that somebody else started, told from others that may get its pid later by when it began. Linux only. */
import { type ProcessStat, statOf } from './process-stat.js';

/** States of one that has ended, and waits to be reaped at most. */
const ENDED = /^[ZXx]$/;

export class ObservedProcess {
  readonly pid: number;
  readonly #startTime: string | undefined;

  constructor(pid: number) {
    this.pid = pid;
    this.#startTime = statOf(pid)?.startTime;
  }

  /** A zombie is not alive. */
  get alive(): boolean {
    const stat = this.#stat();
    return stat !== undefined && !ENDED.test(stat.state);
  }

  /** Whether its end is ours to wait for, alive or zombie. */
  get isOurChild(): boolean {
    return this.#stat()?.parent === process.pid;
  }

  /** Whether there was such a process to be signalled. */
  signal(signal: NodeJS.Signals): boolean {
    if (!this.alive) return false;
    try {
      return process.kill(this.pid, signal);
    } catch {
      return false; // It has just ended, or belongs to another user.
    }
  }

  #stat(): ProcessStat | undefined {
    const stat = statOf(this.pid);
    return stat?.startTime === this.#startTime ? stat : undefined;
  }
}
