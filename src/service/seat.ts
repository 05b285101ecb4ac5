/**
 * The place an owner is found at, and the two locks that make it the owner. A successor that moves to another place holds
 * two seats until its predecessor is gone, because the old one is where that one looks.
 */
import type { Descriptor } from '../binding.js';
import type { Channel } from '../handover/channel.js';
import type { Greeter } from '../handover/greeter.js';
import type { Ownership } from '../handover/ownership.js';
import type { Place } from '../process/environment.js';

export interface Seat {
  /** The control path, or null where only children find it. */
  readonly path: string | null;
  readonly ownership: Ownership;
  /** Whether path, lock and directory are the library's own and go at the final stop. */
  readonly isPrivate: boolean;
  /** Whether whoever looks for the owner finds this process. */
  readonly published: boolean;
  /** Whether a process is found here that is neither this one nor that with the number `pid`: it became the owner since. */
  leadsToAnother(pid: number): boolean;
  /** A conversation with the owner. Throws ECONNREFUSED or ENOENT if nobody listens, EAGAIN, … as the addon does. */
  connect(): Channel;
  /** Gets ready to be found; nobody finds it yet. Byte 1 holders only. */
  bind(greeter: Greeter): void;
  /** Byte 0 holders only. */
  publish(): void;
  /** Makes it found again, after a cleaner or another owner. Byte 0 holders only. */
  repair(greeter: Greeter): void;
  /** What a child needs to find it; the descriptors are numbered from 3 on in the child. They are the caller's. */
  invite(greeter: Greeter): { place: Place; descriptors: Descriptor[] };
  /** Takes back what `bind` made ready, and byte 0 if it was had; byte 1 is still held. */
  withdraw(): void;
  /** Removes what a successor that died had made ready. Byte 1 holders only. */
  discardNext(): void;
  /** Stops being found here, if it still is. Byte 0 holders only. */
  unpublish(): void;
  /** Stops answering in a while: whoever looked just before another was published still connects here. */
  silenceLater(milliseconds: number): void;
  /** Leaves without touching the place: somebody else has it, or will. */
  leave(): void;
  /** Leaves for good: where they are private, lock and directory go too. Byte 0 holders only. */
  remove(): void;
}
