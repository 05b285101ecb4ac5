/** Who owns a service, seen from outside (the kernel's list of locks) and from inside (what the processes noted). */
import { readFileSync, statSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'vitest';

/** A process notes that it released byte 0 just after it did; by then another may have noted that it has it. */
const NOTED_LATE = 20_000_000;

/** How many hold byte 0 of this lock file (proc_locks(5)). */
export function ownersOf(lockPath: string): number {
  const inode = statSync(lockPath).ino;
  return readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .filter((line) => line.includes(`:${inode} 0 0`) && !line.includes('->')).length;
}

/** Looks at byte 0 all the time, without touching it. */
export class OwnerWatch {
  samples = 0;
  /** The longest time, in milliseconds, in which nobody was seen to hold it. */
  longestGap = 0;
  #ended = false;
  readonly #done: Promise<void>;

  constructor(lockPath: string) {
    this.#done = this.#watch(lockPath);
    // Told by `end`.
    this.#done.catch(() => undefined);
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#done;
  }

  async #watch(lockPath: string): Promise<void> {
    let heldAt = performance.now();
    while (!this.#ended) {
      const owners = ownersOf(lockPath);
      const now = performance.now();
      if (owners > 0) heldAt = now;
      this.longestGap = Math.max(this.longestGap, now - heldAt);
      this.samples += 1;
      await turn();
    }
  }
}

interface Note {
  /** Nanoseconds. */
  at: number;
  pid: number;
  state?: string;
  /** Whether it got byte 0 or released it. */
  owner?: boolean;
}

/** At no instant did two processes have byte 0 or did one serve without it. Returns how often the owner changed. */
export function expectOneOwner(tracePath: string): number {
  const notes = readFileSync(tracePath, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Note)
    .sort((a, b) => a.at - b.at);
  let holder: number | undefined;
  let changes = 0;
  for (const [at, note] of notes.entries()) {
    if (note.owner === true) {
      // Of a holder that died there is no note of its end, and none after it.
      const next = notes.slice(at).find(({ pid }) => pid === holder);
      const releasedJustNow = next?.owner === false && next.at - note.at < NOTED_LATE;
      if (next !== undefined && !releasedJustNow) {
        expect.fail(`${note.pid} got byte 0 of ${holder}: ${tail(notes, at)}`);
      }
      holder = note.pid;
      changes += 1;
    } else if (note.owner === false && holder === note.pid) {
      holder = undefined;
    } else if (note.state === 'serving' && holder !== note.pid) {
      expect.fail(`${note.pid} serves without byte 0: ${tail(notes, at)}`);
    }
  }
  return changes;
}

function tail(notes: readonly Note[], at: number): string {
  return notes
    .slice(Math.max(0, at - 10), at + 5)
    .map((note) => `\n${JSON.stringify(note)}`)
    .join('');
}
