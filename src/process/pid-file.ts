/** The pid file: written beside and renamed into place, so that a reader never finds it absent, empty or half written. */
import { lstatSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { UninterruptibleError } from '../errors.js';
import { otherOwnerOf, whyUnwritable } from './unwritable.js';

export class PidFile {
  readonly path: string;
  readonly #pid: number;
  #prepared = false;

  /** `pid` is what it says. */
  constructor(path: string, pid: number = process.pid) {
    this.path = path;
    this.#pid = pid;
  }

  /** Everything that can fail, before this process may become the owner. Throws PIDFILE_UNWRITABLE. Byte 1 holders only. */
  prepare(): void {
    try {
      if (lstatSync(this.path, { throwIfNoEntry: false })?.isDirectory()) {
        throw new Error('it is a directory');
      }
      const owner = otherOwnerOf(this.path);
      if (owner !== undefined) throw new Error(`it belongs to uid ${owner}, in a directory of everybody's`);
      write(this.#next, this.#pid);
      this.#prepared = true;
    } catch (cause) {
      throw new UninterruptibleError(
        'UNINTERRUPTIBLE_PIDFILE_UNWRITABLE',
        `The pid file ${this.path} cannot be written: ${whyUnwritable(this.#next, cause)}.`,
        { cause },
      );
    }
  }

  /** Puts it in place. Holders of byte 0 only. */
  publish(): void {
    renameSync(this.#next, this.path);
    this.#prepared = false;
  }

  /** Makes it name this process again, after a cleaner or another owner. Holders of byte 0 only. */
  repair(): void {
    if (this.ours) return;
    const temporary = `${this.path}.owner`;
    write(temporary, this.#pid);
    renameSync(temporary, this.path);
  }

  /** Whether the file names this process. */
  get ours(): boolean {
    try {
      return readFileSync(this.path, 'utf8').trim() === String(this.#pid);
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
    if (this.#prepared) this.discardNext();
    this.#prepared = false;
  }

  /** Removes what a successor that died had prepared. Byte 1 holders only. */
  discardNext(): void {
    rmSync(this.#next, { force: true });
  }

  /** The lock makes the name unique. */
  get #next(): string {
    return `${this.path}.next`;
  }
}

/** Anew, so that a link somebody put there is not followed. What a full disk has cut short does not stay. */
function write(path: string, pid: number): void {
  rmSync(path, { force: true });
  try {
    writeFileSync(path, `${pid}\n`, { mode: 0o644, flag: 'wx' });
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}
