import { describe, expect, test } from 'vitest';
import { ConfigurationError } from '../../src/errors.js';
import { createAllowList } from '../../src/listeners/allow-list.js';
import { parseNetwork } from '../../src/listeners/network.js';

function problemsOf(networks: readonly string[]): readonly string[] {
  try {
    createAllowList(networks);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems;
  }
}

describe('a client is allowed if it is in one of the networks', () => {
  test.each([
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['127.0.0.1/8', '127.200.0.1', true],
    ['127.0.0.1/8', '126.255.255.255', false],
    ['192.168.1.77/25', '192.168.1.127', true],
    ['192.168.1.77/25', '192.168.1.128', false],
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.0', false],
    ['192.0.2.1/32', '192.0.2.1', true],
    ['192.0.2.1/31', '192.0.2.0', true],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::1', false],
    ['0.0.0.0/0', '::', false],
    ['0.0.0.0/1', '127.255.255.255', true],
    ['0.0.0.0/1', '128.0.0.0', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::', false],
    ['2001:db8::1/33', '2001:db8:7fff::', true],
    ['2001:db8::1/33', '2001:db8:8000::', false],
    ['::1', '::1', true],
    ['::1', '::2', false],
    ['::1/128', '0:0:0:0:0:0:0:1', true],
    ['::/0', 'ffff::', true],
    ['::/0', '::', true],
    ['::/1', '8000::', false],
  ])('%s: %s is %s', (network, address, allowed) => {
    expect(createAllowList([network]).allows(address)).toBe(allowed);
  });

  test('one of several is enough, and none is nobody', () => {
    const list = createAllowList(['10.0.0.0/8', '::1', '192.0.2.1']);
    expect(['10.1.1.1', '::1', '192.0.2.1', '192.0.2.2', '::2'].map((each) => list.allows(each))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(createAllowList([]).allows('127.0.0.1')).toBe(false);
  });
});

describe('IPv4 clients of a dual-stack socket', () => {
  test.each([['::ffff:10.1.2.3'], ['::ffff:a01:203'], ['0:0:0:0:0:FFFF:0A01:0203']])(
    '%s is 10.1.2.3',
    (address) => {
      expect(createAllowList(['10.0.0.0/8']).allows(address)).toBe(true);
      expect(createAllowList(['0.0.0.0/0']).allows(address)).toBe(true);
      expect(createAllowList(['11.0.0.0/8']).allows(address)).toBe(false);
      expect(createAllowList(['::/0']).allows(address)).toBe(false);
    },
  );

  test('IPv4 networks match no other IPv6 address', () => {
    const list = createAllowList(['0.0.0.0/0']);
    for (const address of [
      '::10.1.2.3',
      '::fffe:10.1.2.3',
      '64:ff9b::10.1.2.3',
      '2002:a01:203::',
      '1::ffff:10.1.2.3',
    ]) {
      expect(list.allows(address)).toBe(false);
    }
  });

  test('IPv6 networks match no IPv4 address', () => {
    expect(createAllowList(['::/0']).allows('10.1.2.3')).toBe(false);
  });

  test('a network may be written IPv4-mapped', () => {
    expect(parseNetwork('::ffff:10.1.2.3/104')).toEqual({ family: 'ipv4', address: '10.0.0.0', prefix: 8 });
    expect(parseNetwork('::ffff:10.1.2.3')).toEqual({ family: 'ipv4', address: '10.1.2.3', prefix: 32 });
    expect(parseNetwork('::ffff:0:0/96')).toEqual({ family: 'ipv4', address: '0.0.0.0', prefix: 0 });
    expect(problemsOf(['::ffff:10.1.2.3/24'])).toEqual([
      '"::ffff:10.1.2.3/24" is not a network: IPv4 clients are matched by IPv4 networks; write 10.1.2.3/24.',
    ]);
    expect(problemsOf(['::ffff:10.1.2.3/95'])).toEqual([
      '"::ffff:10.1.2.3/95" is not a network: IPv4 clients are matched by IPv4 networks; write 10.1.2.3/32.',
    ]);
  });
});

describe('addresses that are none', () => {
  test.each([
    [undefined],
    [''],
    ['nonsense'],
    ['/run/app.sock'],
    ['10.1.2.3.4'],
    ['10.1.2'],
    ['[::1]'],
    ['10.1.2.3:80'],
  ])('%j is not allowed', (address) => {
    expect(createAllowList(['0.0.0.0/0', '::/0']).allows(address)).toBe(false);
  });

  test('a zone does not count', () => {
    expect(createAllowList(['fe80::/10']).allows('fe80::1%eth0')).toBe(true);
    expect(createAllowList(['fe80::2']).allows('fe80::1%eth0')).toBe(false);
  });
});

describe('networks that are none', () => {
  const forms = 'accepted are CIDRs such as 10.0.0.0/8 or 2001:db8::/32, and bare IP addresses.';
  test.each([
    ['', forms],
    ['localhost', forms],
    ['10.0.0/8', forms],
    ['10.0.0.256/8', forms],
    ['10.0.0.01/8', forms],
    [' 10.0.0.0/8', forms],
    ['*', forms],
    ['/8', forms],
    ['10.0.0.0/33', 'after the slash stands a whole number from 0 to 32.'],
    ['10.0.0.0/', 'after the slash stands a whole number from 0 to 32.'],
    ['10.0.0.0/08', 'after the slash stands a whole number from 0 to 32.'],
    ['10.0.0.0/-1', 'after the slash stands a whole number from 0 to 32.'],
    ['10.0.0.0/8/8', 'after the slash stands a whole number from 0 to 32.'],
    ['10.0.0.0/255.0.0.0', 'after the slash stands a whole number from 0 to 32.'],
    ['::/129', 'after the slash stands a whole number from 0 to 128.'],
    ['::/1e1', 'after the slash stands a whole number from 0 to 128.'],
    ['fe80::1%eth0/64', 'a network has no zone; leave out the % and what follows it.'],
  ])('%j', (network, reason) => {
    expect(problemsOf([network])).toEqual([`${JSON.stringify(network)} is not a network: ${reason}`]);
  });
});
