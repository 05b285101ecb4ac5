/**
 * The stderr of a process we started: copied to our own as it comes, and the last of it kept, so that whoever asked
 * for a restart can be told why it failed.
 */
import { Socket } from 'node:net';
import type { Descriptor } from '../binding.js';
import { surviveClosedOutput } from './exit.js';
import { unstyled } from './harmless.js';

const KEPT_BYTES = 65_536;
/** What may wait in memory for a slow reader of stderr. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
const STDERR = 2;

export class LastWords {
  readonly #pipe: Descriptor;
  readonly #reader: Socket;
  #kept: Buffer = Buffer.alloc(0);

  /** Owns the read end from now on. */
  constructor(pipe: Descriptor) {
    this.#pipe = pipe;
    this.#reader = relay(pipe.duplicate());
    this.#reader.on('data', (chunk: Buffer) => {
      this.#kept = Buffer.concat([this.#kept, chunk]).subarray(-KEPT_BYTES);
    });
  }

  /** What was written last, without control characters. */
  get text(): string {
    return unstyled(this.#kept.toString('utf8'))
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
}

/**
 * From now on this process writes to the real stderr and relays its own pipe for children that still write to it. If it
 * throws, both are closed: what nobody reads must not fill up.
 */
export function takeStderrBack(real: Descriptor, pipe: Descriptor | undefined): void {
  try {
    real.replace(STDERR);
  } catch (error) {
    pipe?.close();
    throw error;
  } finally {
    real.close();
  }
  if (pipe !== undefined) relay(pipe);
}

/**
 * Copies what comes through a pipe to stderr. A reader there that is slow, or gone, holds up nobody: what it does not
 * take waits here, and beyond a limit it is lost.
 */
function relay(pipe: Descriptor): Socket {
  surviveClosedOutput();
  const reader = new Socket({ fd: pipe.release(), readable: true, writable: false });
  reader.on('data', (chunk: Buffer) => {
    if (process.stderr.writableLength < MAX_BUFFERED_BYTES) process.stderr.write(chunk);
  });
  // A broken pipe has no more words.
  reader.on('error', () => undefined);
  return reader.unref();
}
