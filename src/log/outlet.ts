/**
 * Where the lines go: stdout, or a file that can be opened anew. Written in the background; a full disk or a closed pipe
 * never ends the server. What was begun in one file is finished there: a line is in exactly one.
 */
import { type EventEmitter, once } from 'node:events';
import { fstatSync, statSync } from 'node:fs';
import { openForAppending } from './open-file.js';

/** What may wait in memory for a slow reader; beyond it lines are dropped. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;

/** What is used of pino's. Not its own types: they do not go along with the package, which holds pino itself. */
interface Destination extends EventEmitter {
  readonly fd?: number;
  flushSync: () => void;
  write(line: string): unknown;
  destroy(): void;
}
type MakeDestination = (options: { dest: number; sync: false; maxLength: number }) => Destination;
type Open = (fd: number) => Destination;

/** One open file: from its opening to its end nobody else has the descriptor. */
class Outflow {
  readonly #destination: Destination;
  #written = true;
  /** Why what was written last is still here. */
  #failure: Error | undefined;
  #closed = false;

  constructor(destination: Destination) {
    this.#destination = destination;
    destination.on('drain', () => {
      this.#written = true;
      this.#failure = undefined;
    });
    destination.on('error', (error: NodeJS.ErrnoException) => {
      this.#written = true;
      this.#failure = error;
      this.#closed ||= error.code === 'EPIPE';
      this.#giveUpAtExit();
    });
  }

  write(line: string): void {
    if (this.#closed) return;
    this.#written = false;
    this.#destination.write(line);
  }

  /** Resolves when what was written has gone out, or cannot. */
  async flush(): Promise<void> {
    this.#giveUpAtExit();
    // Its own `flush` does not wait for a write that is under way.
    if (!this.#written) await once(this.#destination, 'drain').catch(() => undefined);
  }

  /** Closes the file, once what was written has gone out. Resolves with the reason if some of it could not. */
  async end(): Promise<Error | undefined> {
    await this.flush();
    // The disk may have room again.
    if (this.#failure !== undefined) this.write('');
    await this.flush();
    this.#destination.destroy();
    return this.#failure;
  }

  /** Whether this is the file at the path: it may have been moved away. */
  isAt(path: string): boolean {
    const { fd } = this.#destination;
    const there = statSync(path, { throwIfNoEntry: false });
    if (there === undefined || fd === undefined || fd < 0) return false;
    const { dev, ino } = fstatSync(fd);
    return dev === there.dev && ino === there.ino;
  }

  #giveUpAtExit(): void {
    // By its own it would try for ever where a disk is full, or a pipe closed or unread: the process would never end.
    this.#destination.flushSync = () => undefined;
  }
}

export class Outlet {
  /** Told why the last lines for the file before could not be written: they are lost. */
  onLoss: (error: Error) => void = () => undefined;
  readonly #open: Open;
  readonly #path: string | null;
  #current: Outflow;
  /** Those that were moved away, until the last line is in them. */
  readonly #ending = new Set<Promise<void>>();
  #reopening: Promise<void> | undefined;
  /** Moved away once more while it was being opened. */
  #again: Promise<void> | undefined;

  private constructor(path: string | null, open: Open, current: Outflow) {
    this.#path = path;
    this.#open = open;
    this.#current = current;
  }

  /** Resolves when lines can be written: one that was given before would be lost if the process ended now. */
  static async open(make: MakeDestination, path: string | null, stdout: number): Promise<Outlet> {
    const open: Open = (dest) => make({ dest, sync: false, maxLength: MAX_BUFFERED_BYTES });
    return new Outlet(path, open, new Outflow(open(path === null ? stdout : await openForAppending(path))));
  }

  write(line: string): void {
    this.#current.write(line);
  }

  async flush(): Promise<void> {
    await (this.#again ?? this.#reopening)?.catch(() => undefined);
    await Promise.all(this.#ending);
    await this.#current.flush();
  }

  /** Opens the file at the path anew. Rejects if that cannot be done: then lines go where they went. */
  reopen(): Promise<void> {
    const path = this.#path;
    if (path === null) return Promise.resolve();
    if (this.#reopening !== undefined) {
      this.#again ??= this.#reopening
        .catch(() => undefined)
        .then(() => {
          this.#again = undefined;
          return this.reopen();
        });
      return this.#again;
    }
    this.#reopening = this.#reopen(path).finally(() => {
      this.#reopening = undefined;
    });
    return this.#reopening;
  }

  /** The same, if another file is at the path now, or none. */
  async keepUp(): Promise<void> {
    if (this.#path !== null && !this.#current.isAt(this.#path)) await this.reopen();
  }

  async #reopen(path: string): Promise<void> {
    const next = new Outflow(this.#open(await openForAppending(path)));
    const last = this.#current;
    this.#current = next;
    const ended = last.end().then((failure) => {
      this.#ending.delete(ended);
      if (failure !== undefined) this.onLoss(failure);
    });
    this.#ending.add(ended);
  }
}
