/** The descriptions that travel beside the descriptors of the listeners, cut into packets that the kernel takes. Pure. */
import type { Descriptor } from '../binding.js';
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

/** Cuts a list into parts of at most so many items, and bytes when each item is written as JSON. */
export function* chunks<Item>(
  items: readonly Item[],
  shown: (item: Item) => unknown,
  limits: { most: number; bytes: number },
): Generator<Item[]> {
  let part: Item[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = Buffer.byteLength(JSON.stringify(shown(item))) + 1;
    if (part.length > 0 && (part.length === limits.most || bytes + size > limits.bytes)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(item);
    bytes += size;
  }
  if (part.length > 0) yield part;
}

/** The packet of one batch. */
export function toMessage(batch: readonly OfferedListener[]): Listeners {
  return { type: 'listeners', listeners: batch.map(({ record }) => record), descriptors: batch.length };
}
