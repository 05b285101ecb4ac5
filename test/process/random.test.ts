import { expect, test } from 'vitest';
import { randomBytes } from '../../src/process/random.js';

test.each([
  ['of the kernel', undefined],
  ['of node:crypto where there is no such file', '/dev/no-such-device'],
  ['of node:crypto where too few are to be had', '/dev/null'],
])('random bytes are %s', (_, device) => {
  const one = randomBytes(32, device);
  const other = randomBytes(32, device);
  expect([one.length, other.length]).toEqual([32, 32]);
  expect(one.equals(other)).toBe(false);
  expect(one.some((byte) => byte !== 0)).toBe(true);
});

test('more than the kernel gives at once are refused', () => {
  expect(() => randomBytes(257)).toThrow(RangeError);
});
