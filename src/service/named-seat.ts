/** A seat at a control path: a lock file beside it, and a socket behind it. */
import type { Binding } from '../binding.js';
import { Channel } from '../handover/channel.js';
import {
  isPrivateControlPath,
  removePrivateDirectory,
  restorePrivateDirectory,
} from '../handover/control-directory.js';
import { ControlListener } from '../handover/control-listener.js';
import { unusable } from '../handover/control-path.js';
import type { Greeter } from '../handover/greeter.js';
import { Ownership } from '../handover/ownership.js';
import { trusted } from '../handover/peer.js';
import type { Seat } from './seat.js';

export class NamedSeat implements Seat {
  readonly path: string;
  readonly ownership: Ownership;
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

  /** Throws if a seat cannot be here: some file systems take files and no sockets, or no locks. */
  static tryOut(binding: Binding, path: string): void {
    const seat = new NamedSeat(binding, path, false);
    try {
      seat.ownership.tryNext();
      ControlListener.tryOut(binding, path);
    } finally {
      seat.leave();
    }
  }

  get published(): boolean {
    return this.#control?.published ?? false;
  }

  leadsToAnother(pid: number): boolean {
    let channel: Channel;
    try {
      channel = trusted(this.connect());
    } catch {
      return false; // Nobody is there; or it cannot be told who.
    }
    const found = channel.peer.pid;
    channel.close();
    // 0: it lives in a pid namespace that is not below ours (pid_namespaces(7)).
    return found !== 0 && found !== pid && found !== process.pid;
  }

  connect(): Channel {
    return Channel.connect(this.#binding, this.path);
  }

  bind(greeter: Greeter): void {
    // A former socket may still tell who looked it up that the owner has moved.
    this.#silence();
    this.#control = ControlListener.bind(this.#binding, this.path, 'next', greeter);
  }

  publish(): void {
    this.#control?.publish();
  }

  repair(greeter: Greeter): void {
    if (this.isPrivate) restorePrivateDirectory(this.path);
    this.ownership.restore();
    if (this.published) return;
    this.#control?.close();
    this.#control = ControlListener.bind(this.#binding, this.path, 'owner', greeter);
    this.publish();
  }

  invite(): { place: { controlPath: string }; descriptors: [] } {
    return { place: { controlPath: this.path }, descriptors: [] };
  }

  withdraw(): void {
    this.#silence();
    this.ownership.releaseOwner();
  }

  discardNext(): void {
    ControlListener.discardNext(this.path);
  }

  unpublish(): void {
    this.#control?.unpublish();
  }

  silenceLater(milliseconds: number): void {
    const control = this.#control;
    setTimeout(() => {
      if (this.#control === control) this.#silence();
    }, milliseconds).unref();
  }

  leave(): void {
    this.#silence();
    this.ownership.close();
  }

  remove(): void {
    this.#silence();
    this.ownership.close(this.isPrivate);
    if (this.isPrivate) removePrivateDirectory(this.path);
  }

  /** What was not published leaves no name behind. */
  #silence(): void {
    this.#control?.close();
    this.#control = undefined;
  }
}
