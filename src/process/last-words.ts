/**
 * The stderr of a process we started: copied to our own as it comes, and the last of it kept, so that whoever asked
 * for a restart can be told why it failed.
 */
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { stripVTControlCharacters } from 'node:util';
import type { Descriptor } from '../binding.js';

const KEPT_BYTES = 65_536;
const STDERR = 2;

export class LastWords {
  readonly #pipe: Descriptor;
  readonly #reader: Socket;
  #kept: Buffer = Buffer.alloc(0);

  /** Owns the read end from now on. */
  constructor(pipe: Descriptor) {
    this.#pipe = pipe;
    this.#reader = new Socket({ fd: pipe.duplicate().release(), readable: true, writable: false });
    this.#reader.on('data', (chunk: Buffer) => this.#take(chunk));
    // A broken pipe has no more words.
    this.#reader.on('error', () => undefined);
    this.#reader.unref();
  }

  /** What was written last, without control characters. */
  get text(): string {
    return stripVTControlCharacters(this.#kept.toString('utf8'))
      .replace(/[^\P{Cc}\n\t]/gu, '')
      .trim();
  }

  /** The read end, for whoever relays it from now on. */
  get descriptor(): Descriptor {
    return this.#pipe;
  }

  /** Resolves when the writers have closed it, or after `milliseconds`. */
  async complete(milliseconds: number): Promise<void> {
    if (this.#reader.readableEnded || this.#reader.destroyed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#reader.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Stops reading here; what is still in the pipe is for the next reader. */
  close(): void {
    this.#reader.destroy();
    this.#pipe.close();
  }

  #take(chunk: Buffer): void {
    copyToStderr(chunk);
    this.#kept = Buffer.concat([this.#kept, chunk]).subarray(-KEPT_BYTES);
  }
}

/** From now on this process writes to the real stderr and relays its own pipe for children that still write to it. */
export function takeStderrBack(real: Descriptor, pipe: Descriptor | undefined): void {
  real.replace(STDERR);
  real.close();
  if (pipe === undefined) return;
  const relay = new Socket({ fd: pipe.release(), readable: true, writable: false });
  relay.on('data', copyToStderr);
  relay.on('error', () => undefined);
  relay.unref();
}

function copyToStderr(chunk: Buffer): void {
  try {
    writeSync(STDERR, chunk);
  } catch {
    // A closed or full stderr is no reason to stop.
  }
}
