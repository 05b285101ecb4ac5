/** The descriptions that travel beside the descriptors of the listeners, cut into packets that the kernel takes. Pure. */
import type { Descriptor } from '../binding.js';
import { encodePacket } from './packet.js';
import { type ListenerRecord, type Listeners, MAX_DESCRIPTORS, MAX_PACKET_BYTES } from './protocol.js';

/** A listener on its way: what it is and the descriptor itself. */
export interface OfferedListener {
  record: ListenerRecord;
  descriptor: Descriptor;
}

/** Room for the rest of a `listeners` packet: its type, count and brackets. */
const ENVELOPE_BYTES = 128;

/** Cuts at 253 descriptors and at 64 KiB, whichever comes first. */
export function* batches(listeners: readonly OfferedListener[]): Generator<OfferedListener[]> {
  let batch: OfferedListener[] = [];
  let bytes = ENVELOPE_BYTES;
  for (const listener of listeners) {
    const size = Buffer.byteLength(JSON.stringify(listener.record)) + 1;
    if (batch.length === MAX_DESCRIPTORS || bytes + size > MAX_PACKET_BYTES) {
      yield batch;
      batch = [];
      bytes = ENVELOPE_BYTES;
    }
    batch.push(listener);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** The packet of one batch. */
export function toMessage(batch: readonly OfferedListener[]): Listeners {
  const message: Listeners = {
    type: 'listeners',
    listeners: batch.map(({ record }) => record),
    descriptors: batch.length,
  };
  encodePacket(message);
  return message;
}
