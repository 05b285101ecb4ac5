import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAllowList } from '../../src/listeners/allow-list.js';

/** An address as a number of its family. Written without any of the code under test. */
interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

function textOf({ bits, value }: Address): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  return Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  ).join(':');
}

/** IPv4-mapped counts as IPv4. */
function unmapped(address: Address): Address {
  if (address.bits === 128 && address.value >> 32n === 0xffffn) {
    return { bits: 32, value: address.value & 0xffff_ffffn };
  }
  return address;
}

function isInside(address: Address, network: Address, prefix: number): boolean {
  const client = unmapped(address);
  if (client.bits !== network.bits) return false;
  const hostBits = BigInt(network.bits - prefix);
  return client.value >> hostBits === network.value >> hostBits;
}

const ipv4 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((value): Address => ({ bits: 32, value }));
const ipv6 = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((value): Address => ({ bits: 128, value }));
const small = fc.bigInt({ min: 0n, max: 2n ** 50n }).map((value): Address => ({ bits: 128, value }));
const mapped = ipv4.map(({ value }): Address => ({ bits: 128, value: (0xffffn << 32n) | value }));
const address = fc.oneof(ipv4, ipv6, small, mapped);

const network = fc
  .oneof(ipv4, ipv6, small)
  .filter((each) => unmapped(each) === each)
  .chain((each) => fc.record({ address: fc.constant(each), prefix: fc.integer({ min: 0, max: each.bits }) }));

/** A client that differs from the network's address in one bit only, so that it is often just in or just out. */
const nearby = network.chain(({ address: { bits, value }, prefix }) =>
  fc.integer({ min: 0, max: bits - 1 }).map((bit) => ({
    network: { address: { bits, value }, prefix },
    client: { bits, value: value ^ (1n << BigInt(bit)) },
  })),
);

test('it decides as arithmetic does', () => {
  fc.assert(
    fc.property(fc.array(network, { maxLength: 5 }), address, (networks, client) => {
      const list = createAllowList(networks.map((each) => `${textOf(each.address)}/${each.prefix}`));
      const expected = networks.some((each) => isInside(client, each.address, each.prefix));
      expect(list.allows(textOf(client))).toBe(expected);
    }),
    { numRuns: 1000 },
  );
});

test('it decides as arithmetic does at the edge of a network, with host bits set', () => {
  fc.assert(
    fc.property(nearby, ({ network: { address: base, prefix }, client }) => {
      const list = createAllowList([`${textOf(base)}/${prefix}`]);
      expect(list.allows(textOf(client))).toBe(isInside(client, base, prefix));
      expect(list.allows(textOf(base))).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('it never throws, and allows nothing it cannot read', () => {
  const list = createAllowList(['0.0.0.0/0', '::/0']);
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(typeof list.allows(text)).toBe('boolean');
      if (!/^[\d.a-f:]+(%|$)/i.test(text)) expect(list.allows(text)).toBe(false);
    }),
  );
});
