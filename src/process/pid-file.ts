/** The pid file: written beside and renamed into place, so that a reader never finds it absent, empty or half written. */
import { readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { UninterruptibleError } from '../errors.js';

export class PidFile {
  readonly path: string;
  readonly #temporary: string;

  constructor(path: string) {
    this.path = path;
    this.#temporary = `${path}.${process.pid}.tmp`;
  }

  /** Everything that can fail, before this process may become the owner. Throws PIDFILE_UNWRITABLE. */
  prepare(): void {
    try {
      writeFileSync(this.#temporary, `${process.pid}\n`, { mode: 0o644 });
    } catch (cause) {
      throw new UninterruptibleError(
        'UNINTERRUPTIBLE_PIDFILE_UNWRITABLE',
        `The pid file ${this.path} cannot be written: ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  /** Puts it in place. Holders of byte 0 only. */
  publish(): void {
    renameSync(this.#temporary, this.path);
  }

  /** Whether the file names this process. */
  get ours(): boolean {
    try {
      return readFileSync(this.path, 'utf8').trim() === String(process.pid);
    } catch {
      return false;
    }
  }

  /** Removes it if it names this process. Holders of byte 0 only. */
  unpublish(): void {
    if (this.ours) unlinkSync(this.path);
  }

  /** Removes what `prepare` wrote and nobody published. */
  discard(): void {
    try {
      unlinkSync(this.#temporary);
    } catch {
      // Published, or never written.
    }
  }
}
