/**
 * A seat where no directory will do: its lock is a file without a name, its sockets are pairs, and both go to the
 * processes we start and to nobody else.
 */
import { fstatSync, readlinkSync } from 'node:fs';
import type { Binding, Descriptor } from '../binding.js';
import { UninterruptibleError } from '../errors.js';
import { Channel } from '../handover/channel.js';
import type { Greeter } from '../handover/control-listener.js';
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
  /** To the process that started this one, until it is asked for. */
  #connection: Descriptor | undefined;

  private constructor(binding: Binding, lock: Descriptor, connection?: Descriptor) {
    this.#binding = binding;
    this.#lock = lock;
    this.#connection = connection;
    try {
      this.ownership = Ownership.unnamed(binding, lock);
    } catch (error) {
      lock.close();
      connection?.close();
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
          'here: startCommand must pass them on, as node itself and a shell do.',
      );
    }
    return new UnnamedSeat(binding, binding.adopt(lock), binding.adopt(connection));
  }

  /** The pair leads to one process and once; there is nobody else to ask. */
  connect(): Channel {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection !== undefined) return new Channel(this.#binding, connection);
    throw Object.assign(new Error('There is no control path that leads to the owner.'), {
      code: 'ECONNREFUSED',
    });
  }

  bind(): void {
    // Children bring their own connection.
  }

  publish(): void {
    // See `published`.
  }

  repair(): void {
    // Nobody can remove it.
  }

  invite(greeter: Greeter, timeout: number): { place: InheritedDescriptors; descriptors: Descriptor[] } {
    const [ours, theirs] = this.#binding.socketPair('seqpacket');
    // The kernel names who made the pair: us. Who is at the other end says so itself.
    const channel = new Channel(this.#binding, ours, { pid: 0 });
    channel.receive(timeout).then(
      (first) => greeter.firstPacket(channel, first),
      () => channel.close(),
    );
    return {
      place: { connection: FIRST_INHERITED, lock: FIRST_INHERITED + 1 },
      descriptors: [theirs, this.#lock.duplicate()],
    };
  }

  discardNext(): void {
    // A successor makes nothing ready here.
  }

  unpublish(): void {
    // See `published`.
  }

  silenceLater(): void {
    // Nobody new can come.
  }

  leave(): void {
    this.#connection?.close();
    this.#connection = undefined;
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
