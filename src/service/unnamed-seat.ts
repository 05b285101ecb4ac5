/**
 * A seat where no directory will do: its lock is a file without a name, and whoever may find it has a line to this process.
 * Those are the process that started this one, and the process that this one started.
 */
import { fstatSync, readlinkSync } from 'node:fs';
import type { Binding, Descriptor } from '../binding.js';
import { UninterruptibleError } from '../errors.js';
import type { Channel } from '../handover/channel.js';
import type { Greeter } from '../handover/greeter.js';
import { Line } from '../handover/line.js';
import { Ownership } from '../handover/ownership.js';
import { FIRST_INHERITED, type InheritedDescriptors } from '../process/environment.js';
import type { Seat } from './seat.js';

const LOCK_NAME = 'uninterruptible-lock';

export class UnnamedSeat implements Seat {
  readonly path = null;
  readonly ownership: Ownership;
  readonly isPrivate = false;
  /** There is nothing that could lead elsewhere. */
  readonly published = true;
  readonly #binding: Binding;
  readonly #lock: Descriptor;
  readonly #toParent: Line | undefined;
  #toChild: Line | undefined;

  private constructor(binding: Binding, lock: Descriptor, toParent?: Line) {
    this.#binding = binding;
    this.#lock = lock;
    this.#toParent = toParent;
    try {
      this.ownership = Ownership.unnamed(binding, lock);
    } catch (error) {
      lock.close();
      toParent?.close();
      throw error;
    }
  }

  /** A new one. Throws what the kernel says where there are no such files. */
  static create(binding: Binding): UnnamedSeat {
    return new UnnamedSeat(binding, binding.anonymousFile(LOCK_NAME));
  }

  /** That of the process that started this one. Throws HANDOVER_UNAVAILABLE if the descriptors did not arrive. */
  static inherited(binding: Binding, { connection, lock }: InheritedDescriptors): UnnamedSeat {
    if (!isSocket(connection) || !isLock(lock)) {
      throw new UninterruptibleError(
        'UNINTERRUPTIBLE_HANDOVER_UNAVAILABLE',
        `The predecessor has no control path, and descriptors ${connection} and ${lock}, which lead to it, did not get ` +
          'here: npm, npx, tsx and whatever else is a Node program do not pass them on. Start node itself, or set controlPath.',
      );
    }
    const file = binding.adopt(lock);
    return new UnnamedSeat(binding, file, new Line(binding, binding.adopt(connection)));
  }

  leadsToAnother(): boolean {
    return false; // Only processes that it knows by their lines find each other here.
  }

  /** To the successor if there is one, else to the predecessor. */
  connect(): Channel {
    const line = this.#toChild?.over === false ? this.#toChild : this.#toParent;
    if (line?.over === false) return line.connect();
    throw Object.assign(new Error('There is no control path, and no process that could be asked.'), {
      code: 'ECONNREFUSED',
    });
  }

  bind(greeter: Greeter): void {
    this.#toParent?.answer(greeter);
  }

  publish(): void {
    // See `published`.
  }

  repair(): void {
    // Nobody can remove it.
  }

  invite(greeter: Greeter): { place: InheritedDescriptors; descriptors: Descriptor[] } {
    this.#toChild?.close();
    const lock = this.#lock.duplicate();
    let theirs: Descriptor;
    try {
      const [ours, other] = this.#binding.socketPair('seqpacket');
      theirs = other;
      this.#toChild = new Line(this.#binding, ours);
    } catch (error) {
      lock.close();
      throw error;
    }
    this.#toChild.answer(greeter);
    return {
      place: { connection: FIRST_INHERITED, lock: FIRST_INHERITED + 1 },
      descriptors: [theirs, lock],
    };
  }

  withdraw(): void {
    this.ownership.releaseOwner();
  }

  discardNext(): void {
    // A successor makes nothing ready here.
  }

  unpublish(): void {
    // See `published`.
  }

  silenceLater(): void {
    // Only the successor can ask, and it knows.
  }

  leave(): void {
    this.#toParent?.close();
    this.#toChild?.close();
    this.#lock.close();
    this.ownership.close();
  }

  remove(): void {
    this.leave();
  }
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
}

/** The name is not what the lock depends on, but a file of that name is not Node's own. */
function isLock(fd: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith(`/memfd:${LOCK_NAME}`);
  } catch {
    return false;
  }
}
