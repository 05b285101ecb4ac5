/**
 * Ownership is a kernel lock: `<controlPath>.lock` carries two OFD write locks, byte 0 = owner, byte 1 = next.
 * Without byte 0 nobody renames over or unlinks the control path or touches the pid file. The kernel releases both
 * when their holder dies, so "dead" is decided by getting byte 0 and by nothing else.
 *
 * One lock would not do: two successors would share the name beside the control path, and one would rename the socket
 * of the other onto it (docs/protocol.md, the model).
 */
import { lstatSync, openSync, unlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Binding, Descriptor } from '../binding.js';
import { protocolChannel } from '../diagnostics.js';
import { UninterruptibleError } from '../errors.js';

const OWNER = 0;
const NEXT = 1;
/** F_OFD_SETLKW would block the event loop, so a wait asks again every so many ms. */
const RETRY_MILLISECONDS = 10;

export class Ownership {
  readonly lockPath: string;
  readonly #open: () => Descriptor;
  readonly #isCurrent: (file: Descriptor) => boolean;
  #file: Descriptor;
  /** Lock files that a cleaner removed while we were the owner. */
  readonly #removed: Descriptor[] = [];
  #owner = false;
  /** `stuck`: given up, but the kernel could not release it. */
  #next: 'free' | 'held' | 'stuck' = 'free';

  private constructor(lockPath: string, open: () => Descriptor, isCurrent: (file: Descriptor) => boolean) {
    this.lockPath = lockPath;
    this.#open = open;
    this.#isCurrent = isCurrent;
    this.#file = open();
  }

  /** The locks of a control path. Each process opens the file itself: OFD locks belong to the open file description. */
  static of(binding: Binding, controlPath: string): Ownership {
    const lockPath = `${controlPath}.lock`;
    return new Ownership(
      lockPath,
      () => binding.openLockFile(lockPath),
      (file) => isFileAt(file, lockPath),
    );
  }

  /** The locks of a file without a name, which this process or the one that started it has made. */
  static unnamed(binding: Binding, file: Descriptor): Ownership {
    // Opened anew, because an inherited descriptor shares its locks with whoever passed it on.
    const path = `/proc/self/fd/${file.fd}`;
    return new Ownership(
      path,
      () => binding.adopt(openSync(path, 'r+')),
      () => true,
    );
  }

  get isOwner(): boolean {
    return this.#owner;
  }

  get isNext(): boolean {
    return this.#next === 'held';
  }

  /** Whether byte 1 was to be released and could not: nobody can be next until another `releaseNext()` succeeds. */
  get isStuck(): boolean {
    return this.#next === 'stuck';
  }

  tryOwner(): boolean {
    if (!this.#owner && this.#tryLock(OWNER, this.isNext)) {
      this.#owner = true;
      this.#trace('owner', true);
    }
    return this.#owner;
  }

  tryNext(): boolean {
    if (!this.isNext && this.#tryLock(NEXT, this.#owner)) {
      this.#next = 'held';
      this.#trace('next', true);
    }
    return this.isNext;
  }

  /**
   * Asks for byte 0 until `milliseconds` have passed, or `isTaken` says that another process is the owner. Throws as fcntl(2)
   * does if it could not even be asked for at the end: before, the kernel may lack memory for a moment.
   */
  async takeOwner(
    milliseconds: number,
    signal?: AbortSignal,
    isTaken: () => boolean = () => false,
  ): Promise<boolean> {
    let failure: Error | undefined;
    const isDecided = (): boolean => {
      failure = undefined;
      if (isTaken()) return true;
      try {
        return this.tryOwner();
      } catch (error) {
        failure = error as Error;
        return false;
      }
    };
    await this.#retry(isDecided, milliseconds, signal);
    if (failure !== undefined) throw failure;
    // Between the two questions another may have become the owner and released byte 0 for the next one.
    if (this.#owner && isTaken()) this.releaseOwner();
    return this.#owner;
  }

  /** Asks for byte 1 until `milliseconds` have passed. Rejects with OWNERSHIP_TIMEOUT or the signal's reason. */
  async takeNext(milliseconds: number, signal?: AbortSignal): Promise<void> {
    if (await this.#retry(() => this.tryNext(), milliseconds, signal)) return;
    throw new UninterruptibleError(
      'UNINTERRUPTIBLE_OWNERSHIP_TIMEOUT',
      `Another process has been taking over for ${milliseconds} ms (it holds byte 1 of ${this.lockPath}).`,
    );
  }

  /** After a cleaner: byte 0 of the file that is there now. Throws if somebody else has that. Holders of byte 0 only. */
  restore(): void {
    if (this.#isCurrent(this.#file)) return;
    this.#file.unlock(NEXT);
    this.#next = 'free';
    const file = this.#open();
    if (!file.tryLock(OWNER) || !this.#isCurrent(file)) {
      file.close();
      throw new UninterruptibleError(
        'UNINTERRUPTIBLE_CONTROL_PATH_UNUSABLE',
        `${this.lockPath} was removed, and another process holds the new one.`,
      );
    }
    // Byte 0 of the removed file stays ours: whoever opened that one and waits there must not take us for dead.
    this.#removed.push(this.#file);
    this.#file = file;
  }

  /** Throws as fcntl(2) does; then it is still held. */
  releaseOwner(): void {
    if (!this.#owner) return;
    this.#file.unlock(OWNER);
    this.#closeRemoved();
    this.#owner = false;
    this.#trace('owner', false);
  }

  /** Throws as fcntl(2) does; then it is stuck, and can be released again. */
  releaseNext(): void {
    if (this.#next === 'free') return;
    this.#next = 'stuck';
    this.#file.unlock(NEXT);
    this.#next = 'free';
    this.#trace('next', false);
  }

  /** Releases both. With `removing` the lock file goes too: for a private control path only, while both are held. */
  close(removing = false): void {
    try {
      if (removing && this.#owner && this.tryNext()) unlinkSync(this.lockPath);
    } catch {
      // A cleaner was faster, or the kernel has no memory for the lock: what stays is a file that nobody holds.
    }
    this.#owner = false;
    this.#next = 'free';
    this.#file.close();
    this.#closeRemoved();
  }

  #closeRemoved(): void {
    for (const file of this.#removed.splice(0)) file.close();
  }

  async #retry(attempt: () => boolean, milliseconds: number, signal?: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + milliseconds;
    for (;;) {
      if (attempt()) return true;
      if (performance.now() >= deadline) return false;
      await delay(RETRY_MILLISECONDS, undefined, signal === undefined ? {} : { signal }).catch(() => {
        throw signal?.reason;
      });
    }
  }

  #trace(lock: 'owner' | 'next', held: boolean): void {
    if (protocolChannel.hasSubscribers) protocolChannel.publish({ lock, held, path: this.lockPath });
  }

  #tryLock(byte: number, holdsOther: boolean): boolean {
    for (;;) {
      if (!this.#file.tryLock(byte)) return false;
      // Somebody may have removed the file between our open and our lock: then we hold the lock of nothing.
      if (holdsOther || this.#isCurrent(this.#file)) return true;
      const file = this.#openAgain(byte);
      if (file === undefined) return true;
      this.#file.close();
      this.#file = file;
    }
  }

  /** undefined: the directory is gone too, so nobody else can hold a lock of that name. Throws if it cannot be told. */
  #openAgain(byte: number): Descriptor | undefined {
    try {
      return this.#open();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      this.#file.unlock(byte);
      throw error;
    }
  }
}

function isFileAt(file: Descriptor, path: string): boolean {
  const { device, inode } = file.identity();
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats !== undefined && String(stats.dev) === device && String(stats.ino) === inode;
}
