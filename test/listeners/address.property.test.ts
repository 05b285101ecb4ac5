import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConfigurationError } from '../../src/errors.js';
import { parseListenAddress, printListenAddress } from '../../src/listeners/address.js';
import { parseIpAddress, printIpAddress } from '../../src/listeners/ip-address.js';

const port = fc.integer({ min: 0, max: 65_535 });
const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
const ipv6 = fc.oneof(
  fc.ipV6(),
  fc
    .array(fc.oneof(fc.constant('0'), group), { minLength: 8, maxLength: 8 })
    .map((groups) => groups.join(':')),
);
const hostname = fc.stringMatching(/^[a-z]([a-z0-9-]{0,20}[a-z0-9])?$/);
const fileName = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((name) => !/[/\0]|^\.{1,2}$/.test(name));
const query = fc.record(
  {
    name: fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((name) => !/\p{Cc}/u.test(name)),
    backlog: fc.integer({ min: 1, max: 65_535 }),
  },
  { requiredKeys: [] },
);

function withQuery(text: string, parts: Record<string, unknown>): string {
  const pairs = Object.entries(parts).map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`);
  return pairs.length === 0 ? text : `${text}?${pairs.join('&')}`;
}

function roundTrips(text: string): void {
  const address = parseListenAddress(text);
  expect(parseListenAddress(printListenAddress(address))).toEqual(address);
  expect(parseListenAddress(address.requested).requested).toBe(address.requested);
}

test('a TCP address is read back as it was printed', () => {
  const host = fc.oneof(
    fc.ipV4(),
    hostname,
    ipv6.map((address) => `[${address}]`),
  );
  fc.assert(
    fc.property(host, port, query, (name, number, parts) =>
      roundTrips(withQuery(`tcp://${name}:${number}`, parts)),
    ),
  );
});

test('a UNIX address is read back as it was printed, whatever its path', () => {
  const path = fc
    .array(fileName, { minLength: 1, maxLength: 4 })
    .map((names) => names.map(encodeURIComponent).join('/'));
  fc.assert(
    fc.property(path, query, (names, parts) => {
      const text = withQuery(`unix:///${names}`, parts);
      roundTrips(text);
      expect(parseListenAddress(text)).toMatchObject({ path: `/${decodeURIComponent(names)}` });
    }),
  );
});

test('any spelling of an IPv6 address is one address', () => {
  fc.assert(
    fc.property(ipv6, (text) => {
      const bytes = parseIpAddress(text);
      const padded = Array.from({ length: 8 }, (_, index) => {
        const value = ((bytes?.[2 * index] ?? 0) << 8) | (bytes?.[2 * index + 1] ?? 0);
        return value.toString(16).toUpperCase().padStart(4, '0');
      }).join(':');
      expect(parseListenAddress(`tcp://[${padded}]:1`)).toEqual(parseListenAddress(`tcp://[${text}]:1`));
    }),
  );
});

test('an IP address is what Node takes for one, and its canonical form is what the WHATWG prints', () => {
  const almost = fc.stringMatching(/^[0-9a-fx:.]{0,20}$/);
  fc.assert(
    fc.property(fc.oneof(ipv6, fc.ipV4(), fc.ipV4Extended(), almost, fc.string()), (text) => {
      if (text.includes('%')) return;
      const bytes = parseIpAddress(text);
      expect(bytes?.length).toBe(isIPv4(text) ? 4 : isIPv6(text) ? 16 : undefined);
      if (bytes === null) return;
      const printed = printIpAddress(bytes);
      expect(parseIpAddress(printed)).toEqual(bytes);
      const { hostname: standard } = new URL(`http://${bytes.length === 4 ? printed : `[${printed}]`}`);
      expect(new URL(`http://${bytes.length === 4 ? text : `[${text}]`}`).hostname).toBe(standard);
      if (!printed.startsWith('::ffff:')) expect(standard.replace(/[[\]]/g, '')).toBe(printed);
    }),
    { numRuns: 1000 },
  );
});

test('any other text is refused with one sentence', () => {
  const pieces = fc.constantFrom(
    'tcp:',
    'unix:',
    '//',
    '/',
    '@',
    '[',
    ']',
    '::',
    ':',
    '80',
    '?',
    'name',
    'mode',
    '=',
    '&',
    '%',
    '%2',
    'a',
    '\0',
    '#',
    '0660',
    '.',
    '..',
  );
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.array(pieces, { maxLength: 12 }).map((each) => each.join('')),
  );
  fc.assert(
    fc.property(text, (given) => {
      try {
        roundTrips(given);
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error;
        expect(error.problems).toHaveLength(1);
        expect(error.problems[0]).toMatch(/is not an address to listen on: [^]+\.$/);
      }
    }),
    { numRuns: 2000 },
  );
});
