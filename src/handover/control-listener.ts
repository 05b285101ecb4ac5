/**
 * The owner's end of the control path: bound and listening under a temporary name first, so that everything that can
 * fail has happened, then renamed onto the path in one step. Only the holder of byte 0 may publish or unpublish.
 */
import { lstatSync, renameSync, rmSync, unlinkSync } from 'node:fs';
import type { Binding, ControlSocket, FileIdentity } from '../binding.js';
import { Channel } from './channel.js';
import { refuseAllButSockets, unusable } from './control-path.js';
import { type Greeter, greet, MAX_SILENT } from './greeter.js';

const BACKLOG = 128;
/** How long a peer may be silent before it makes room for one more, and a full house leaves the queue alone. */
const PATIENCE_MILLISECONDS = 20;
/** How long to leave the queue alone when this process is out of descriptors: level-triggered, it would spin. */
const EXHAUSTED_MILLISECONDS = 100;

/** Whose temporary name it is. The lock makes it unique: `next` is byte 1's, `owner` byte 0's. */
export type Holder = 'next' | 'owner';

export class ControlListener {
  readonly path: string;
  readonly #binding: Binding;
  readonly #socket: ControlSocket;
  readonly #identity: FileIdentity;
  readonly #greeter: Greeter;
  /** Since when. */
  readonly #silent = new Map<Channel, number>();
  #name: string;
  #pause: NodeJS.Timeout | undefined;
  #exhausted = false;
  #closed = false;

  private constructor(binding: Binding, path: string, holds: Holder, greeter: Greeter) {
    this.path = path;
    this.#binding = binding;
    this.#greeter = greeter;
    this.#name = `${path}.${holds}`;
    // Whoever had this name before us held the same lock, and is dead.
    rmSync(this.#name, { force: true });
    const descriptor = binding.listenUnix(this.#name, { type: 'seqpacket', backlog: BACKLOG, mode: 0o600 });
    this.#identity = identityOf(this.#name) ?? { device: '', inode: '' };
    this.#socket = new binding.ControlSocket(descriptor, () => this.#accept());
    this.#watch();
  }

  /** Binds and listens beside the path. Throws CONTROL_PATH_UNUSABLE or CONTROL_PATH_TOO_LONG. */
  static bind(binding: Binding, path: string, holds: Holder, greeter: Greeter): ControlListener {
    refuseAllButSockets(path);
    try {
      return new ControlListener(binding, path, holds, greeter);
    } catch (cause) {
      throw unusable(path, cause);
    }
  }

  /** Binds and listens beside the path, and leaves nothing behind. Throws what the kernel says. Holders of byte 1 only. */
  static tryOut(binding: Binding, path: string): void {
    const name = `${path}.next`;
    binding.listenUnix(name, { type: 'seqpacket', backlog: 1, mode: 0o600 }).close();
    rmSync(name, { force: true });
  }

  /** Removes what a successor that died had bound beside the path. Holders of byte 1 only. */
  static discardNext(path: string): void {
    rmSync(`${path}.next`, { force: true });
  }

  /** Whether the path leads to this socket: no other owner renamed over it and no cleaner removed it. */
  get published(): boolean {
    const found = identityOf(this.path);
    return found?.device === this.#identity.device && found.inode === this.#identity.inode;
  }

  /** Puts this socket at the path, replacing whatever was there. Holders of byte 0 only. */
  publish(): void {
    renameSync(this.#name, this.path);
    this.#name = this.path;
  }

  /** Removes the path if it still leads here. Holders of byte 0 only. */
  unpublish(): void {
    if (this.published) unlinkSync(this.path);
  }

  /**
   * Stops accepting. Whoever had found this socket and was not heard yet, or not even accepted, is told to connect
   * again. A name that was never published goes too.
   */
  close(): void {
    if (this.#closed) return;
    this.#accept();
    this.#closed = true;
    clearTimeout(this.#pause);
    this.#socket.close();
    for (const channel of this.#silent.keys()) {
      channel.finish({ type: 'moved' });
    }
    if (this.#name !== this.path) {
      try {
        unlinkSync(this.#name);
      } catch {
        // A cleaner was faster.
      }
    }
  }

  #watch(): void {
    if (this.#closed) return;
    this.#socket.watch(this.#pause === undefined, false);
  }

  #accept(): void {
    while (!this.#closed) {
      if (this.#silent.size >= MAX_SILENT && !this.#evictOne()) {
        this.#rest(PATIENCE_MILLISECONDS);
        break;
      }
      try {
        const descriptor = this.#socket.accept();
        if (descriptor === null) break;
        this.#exhausted = false;
        void this.#greet(new Channel(this.#binding, descriptor));
      } catch (error) {
        if (!this.#exhausted) this.#greeter.exhausted(error as Error);
        this.#exhausted = true;
        // What it had may be had by a client, who has something to say.
        this.#evictOne();
        this.#rest(EXHAUSTED_MILLISECONDS);
        break;
      }
    }
    this.#watch();
  }

  /** Leaves the queue alone for a while. */
  #rest(milliseconds: number): void {
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.#watch();
    }, milliseconds).unref();
  }

  /** Drops the oldest that has said nothing. Whoever has just connected is about to speak, or has and was not read yet. */
  #evictOne(): boolean {
    for (const [channel, since] of this.#silent) {
      if (performance.now() - since < PATIENCE_MILLISECONDS) return false;
      channel.poll();
      if (!channel.awaited) continue;
      this.#silent.delete(channel);
      channel.close();
      return true;
    }
    return false;
  }

  async #greet(channel: Channel): Promise<void> {
    this.#silent.set(channel, performance.now());
    await greet(channel, {
      ...this.#greeter,
      firstPacket: (peer, first) => {
        this.#silent.delete(peer);
        this.#greeter.firstPacket(peer, first);
      },
    });
    this.#silent.delete(channel);
  }
}

function identityOf(path: string): FileIdentity | undefined {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && { device: String(stats.dev), inode: String(stats.ino) };
}
