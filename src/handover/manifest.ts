/** The descriptions that travel beside the descriptors of the listeners, cut into packets that the kernel takes. Pure. */
import type { Descriptor } from '../binding.js';
import { chunks } from './chunks.js';
import { type ListenerRecord, type Listeners, MAX_DESCRIPTORS, MAX_PACKET_BYTES } from './protocol.js';

/** A listener on its way: what it is and the descriptor itself. */
export interface OfferedListener {
  record: ListenerRecord;
  descriptor: Descriptor;
}

/** Room for the rest of a packet: its type, numbers and brackets. */
const ENVELOPE_BYTES = 128;

/** Cuts at 253 descriptors and at 64 KiB, whichever comes first. */
export function batches(listeners: readonly OfferedListener[]): Generator<OfferedListener[]> {
  return chunks(listeners, ({ record }) => record, {
    most: MAX_DESCRIPTORS,
    bytes: MAX_PACKET_BYTES - ENVELOPE_BYTES,
  });
}

/** The packet of one batch. */
export function toMessage(batch: readonly OfferedListener[]): Listeners {
  return { type: 'listeners', listeners: batch.map(({ record }) => record), descriptors: batch.length };
}
