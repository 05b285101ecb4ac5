import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Descriptor } from '../../src/binding.js';
import { batches, type OfferedListener, toMessage } from '../../src/handover/manifest.js';
import { encodePacket } from '../../src/handover/packet.js';
import { MAX_DESCRIPTORS, MAX_PACKET_BYTES } from '../../src/handover/protocol.js';

/** Pure code does not touch it. */
const DESCRIPTOR = {} as Descriptor;

function listener(requested: string, index: number): OfferedListener {
  const record = {
    kind: 'listener',
    requested,
    index,
    bound: requested,
    family: 'unix',
    type: 'stream',
  } as const;
  return { record: { ...record, backlog: 511 }, descriptor: DESCRIPTOR };
}

const offered = fc
  .array(fc.integer({ min: 1, max: 3_000 }), { maxLength: 600 })
  .map((lengths) => lengths.map((length, index) => listener('é'.repeat(length / 2), index)));

describe('listeners in batches', () => {
  test('are all there, in order, and each batch fits into one packet and is not empty', () => {
    fc.assert(
      fc.property(offered, (listeners) => {
        const cut = [...batches(listeners)];
        expect(cut.flat()).toEqual(listeners);
        for (const batch of cut) {
          expect(batch.length).toBeGreaterThan(0);
          expect(batch.length).toBeLessThanOrEqual(MAX_DESCRIPTORS);
          expect(encodePacket(toMessage(batch)).length).toBeLessThanOrEqual(MAX_PACKET_BYTES);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('are not cut before a packet is full', () => {
    fc.assert(
      fc.property(offered, (listeners) => {
        const cut = [...batches(listeners)];
        cut.slice(1).forEach(([next], at) => {
          const before = cut[at] ?? [];
          const more = next === undefined ? before : [...before, next];
          const size = Buffer.byteLength(JSON.stringify(more.map(({ record }) => record)));
          expect(before.length === MAX_DESCRIPTORS || size > MAX_PACKET_BYTES - 256).toBe(true);
        });
      }),
      { numRuns: 50 },
    );
  });

  test.each([0, 1, 253, 254, 506, 507])('%i small ones make as few packets as possible', (count) => {
    const listeners = Array.from({ length: count }, (_, index) => listener('@x', index));
    expect([...batches(listeners)]).toHaveLength(Math.ceil(count / MAX_DESCRIPTORS));
  });

  test('of which one does not fit into any packet are refused', () => {
    const huge = listener('x'.repeat(MAX_PACKET_BYTES), 0);
    const cut = [...batches([huge, listener('@x', 1)])];
    expect(cut.map((batch) => batch.length)).toEqual([1, 1]);
    const [first] = cut;
    expect(() => encodePacket(toMessage(first ?? []))).toThrow(
      expect.objectContaining({ code: 'UNINTERRUPTIBLE_HANDOVER_PROTOCOL' }) as Error,
    );
  });
});
