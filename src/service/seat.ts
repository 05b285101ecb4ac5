/**
 * The place an owner is found at: a control path, its two locks, and the socket behind it. A successor that moves to
 * another control path holds two seats until its predecessor is gone, because the old one is where that one looks.
 */
import type { Binding } from '../binding.js';
import {
  isPrivateControlPath,
  removePrivateDirectory,
  restorePrivateDirectory,
} from '../handover/control-directory.js';
import { ControlListener, type OnFirstPacket } from '../handover/control-listener.js';
import { unusable } from '../handover/control-path.js';
import { Ownership } from '../handover/ownership.js';

export class Seat {
  readonly path: string;
  readonly ownership: Ownership;
  /** Whether path, lock and directory are the library's own and go at the final stop. */
  readonly isPrivate: boolean;
  readonly #binding: Binding;
  #control: ControlListener | undefined;

  /** Throws CONTROL_PATH_UNUSABLE or CONTROL_PATH_TOO_LONG. */
  constructor(binding: Binding, path: string, isConfigured: boolean) {
    this.#binding = binding;
    this.path = path;
    this.isPrivate = !isConfigured && isPrivateControlPath(path);
    try {
      this.ownership = Ownership.of(binding, path);
    } catch (cause) {
      throw unusable(path, cause);
    }
  }

  /** Whether the path leads to this process. */
  get published(): boolean {
    return this.#control?.published ?? false;
  }

  /** Binds and listens beside the path; nobody finds it yet. Byte 1 holders only. */
  bind(onFirstPacket: OnFirstPacket): void {
    this.#control = ControlListener.bind(this.#binding, this.path, 'next', onFirstPacket);
  }

  /** Byte 0 holders only. */
  publish(): void {
    this.#control?.publish();
  }

  /** Makes the path lead here again, after a cleaner or another owner. Byte 0 holders only. */
  repair(onFirstPacket: OnFirstPacket): void {
    if (this.isPrivate) restorePrivateDirectory(this.path);
    this.ownership.restore();
    if (this.published) return;
    this.#control?.close();
    this.#control = ControlListener.bind(this.#binding, this.path, 'owner', onFirstPacket);
    this.publish();
  }

  /** Removes what a successor that died had made ready. Byte 1 holders only. */
  discardNext(): void {
    ControlListener.discardNext(this.path);
  }

  /** Removes the path if it still leads here. Byte 0 holders only. */
  unpublish(): void {
    this.#control?.unpublish();
  }

  /**
   * Stops answering in a while. Nobody finds this socket by its path any more, but whoever looked it up just before the
   * rename still connects to it.
   */
  silenceLater(milliseconds: number): void {
    const control = this.#control;
    setTimeout(() => {
      if (this.#control === control) this.silence();
    }, milliseconds).unref();
  }

  /** Stops answering; what was not published leaves no name behind. */
  silence(): void {
    this.#control?.close();
    this.#control = undefined;
  }

  /** Leaves without touching the path: somebody else has it, or will. */
  leave(): void {
    this.silence();
    this.ownership.close();
  }

  /** Leaves for good: where they are private, lock and directory go too. Byte 0 holders only. */
  remove(): void {
    this.silence();
    this.ownership.close(this.isPrivate);
    if (this.isPrivate) removePrivateDirectory(this.path);
  }
}
