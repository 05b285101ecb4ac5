/** A process that somebody else started, told from others that may get its pid later by when it began. Linux only. */
import { readFileSync } from 'node:fs';

interface Stat {
  state: string;
  parent: number;
  startTime: string;
}

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
    return stat !== undefined && stat.state !== 'Z' && stat.state !== 'X';
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

  #stat(): Stat | undefined {
    const stat = statOf(this.pid);
    return stat?.startTime === this.#startTime ? stat : undefined;
  }
}

/** Fields 3, 4 and 22 of proc_pid_stat(5); the second one, a name in parentheses, may hold anything. */
function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', parent: Number(fields[1]), startTime: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}
