/**
 * A service manager, told what becomes of this process: datagrams as sd_notify(3) describes them. It may be gone, slow
 * or wrong: nothing here throws or waits, and what could not be said is reported once.
 */
import type { Binding } from '../binding.js';

/** When a manager whose queue is full is tried again. */
const RETRY_MILLISECONDS = 100;
/** A manager that has read nothing through so many changes is told no older ones. */
const MAX_WAITING = 64;
const MAX_STATUS_CHARACTERS = 500;
/** Its queue is full, or this process or the machine short of something: that passes. */
const PASSING: ReadonlySet<string | undefined> = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/** Assignments of one datagram, in the order they are written. */
export type Assignments = Readonly<Record<string, string | number>>;

export class ServiceManager {
  readonly #binding: Binding;
  readonly #socket: string;
  readonly #onFailure: (error: Error) => void;
  /** Datagrams that could not be sent yet, oldest first: they must not overtake each other. */
  readonly #waiting: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #failed = false;

  /** `onFailure` is called once at most. */
  constructor(binding: Binding, socket: string, onFailure: (error: Error) => void) {
    this.#binding = binding;
    this.#socket = socket;
    this.#onFailure = onFailure;
  }

  /** A change, which must arrive: it waits while it cannot be sent. */
  tell(assignments: Assignments): void {
    if (this.#waiting.length === MAX_WAITING) this.#waiting.shift();
    this.#waiting.push(textOf(assignments));
    this.#flush();
  }

  /** What the next of its kind replaces: left out while the manager does not read. */
  report(assignments: Assignments): void {
    if (this.#waiting.length === 0) this.#send(textOf(assignments));
  }

  /** Resolves when every change has been said, or after so many ms. */
  async told(limit: number): Promise<void> {
    const deadline = performance.now() + limit;
    while (this.#waiting.length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
      this.#flush();
    }
  }

  #flush(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#send(next) === 'later') {
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined;
          this.#flush();
        }, RETRY_MILLISECONDS).unref();
        return;
      }
      this.#waiting.shift();
    }
  }

  #send(text: string): 'later' | 'done' {
    try {
      this.#binding.sendDatagram(this.#socket, Buffer.from(text));
    } catch (error) {
      if (!this.#failed) this.#onFailure(error as Error);
      this.#failed = true;
      if (PASSING.has((error as NodeJS.ErrnoException).code)) return 'later';
    }
    return 'done';
  }
}

function textOf(assignments: Assignments): string {
  return Object.entries(assignments)
    .map(([name, value]) => `${name}=${oneLine(value)}`)
    .join('\n');
}

/** systemd ignores a datagram with a zero byte in it, READY=1 and all. */
function oneLine(value: string | number): string {
  return String(value)
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .slice(0, MAX_STATUS_CHARACTERS);
}
