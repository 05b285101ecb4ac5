import { describe, expect, test } from 'vitest';
import { ConfigurationError } from '../../src/errors.js';
import {
  DEFAULT_BACKLOG,
  parseListenAddress,
  printListenAddress,
  sameListenAddress,
} from '../../src/listeners/address.js';

/** The one sentence, without the part that is the same in all. */
function refusal(text: string): string {
  try {
    parseListenAddress(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    const { problems } = error as ConfigurationError;
    expect(problems).toHaveLength(1);
    const shown = text.length > 200 ? `${text.slice(0, 199)}…` : text;
    const beginning = `${JSON.stringify(shown)} is not an address to listen on: `;
    expect(problems[0]?.slice(0, beginning.length)).toBe(beginning);
    return problems[0]?.slice(beginning.length) ?? '';
  }
  throw new Error(`${text} was accepted`);
}

const forms = 'tcp://host:port, tcp://[::1]:port, unix:///path or unix:@abstract';

describe('TCP addresses', () => {
  test('all parts, and their defaults', () => {
    expect(parseListenAddress('tcp://0.0.0.0:6789')).toEqual({
      kind: 'tcp',
      host: '0.0.0.0',
      port: 6789,
      ipv6Only: false,
      requested: 'tcp://0.0.0.0:6789',
      name: 'tcp://0.0.0.0:6789',
      backlog: DEFAULT_BACKLOG,
    });
    expect(parseListenAddress('tcp://[::]:0?name=api&backlog=1024&ipv6only=1')).toEqual({
      kind: 'tcp',
      host: '::',
      port: 0,
      ipv6Only: true,
      requested: 'tcp://[::]:0?ipv6only=1',
      name: 'api',
      backlog: 1024,
    });
    expect(DEFAULT_BACKLOG).toBe(4_096);
  });

  test('they cannot be changed', () => {
    expect(Object.isFrozen(parseListenAddress('tcp://0.0.0.0:1'))).toBe(true);
    expect(Object.isFrozen(parseListenAddress('unix:@a'))).toBe(true);
  });

  test.each([
    ['TCP://LocalHost:080', 'tcp://localhost:80'],
    ['tcp://Example.COM.:1', 'tcp://example.com.:1'],
    ['tcp://my_host-2:65535', 'tcp://my_host-2:65535'],
    ['tcp://xn--bcher-kva.example:1', 'tcp://xn--bcher-kva.example:1'],
    ['tcp://1.example:1', 'tcp://1.example:1'],
    ['tcp://[0:0::0]:1', 'tcp://[::]:1'],
    ['tcp://[2001:DB8:0:0:1:0:0:1]:1', 'tcp://[2001:db8::1:0:0:1]:1'],
    ['tcp://[2001:db8:0:1:1:1:1:1]:1', 'tcp://[2001:db8:0:1:1:1:1:1]:1'],
    ['tcp://[1:2:3:4:5:6:7::]:1', 'tcp://[1:2:3:4:5:6:7:0]:1'],
    ['tcp://[::FFFF:0102:0304]:1', 'tcp://[::ffff:1.2.3.4]:1'],
    ['tcp://[64:ff9b::192.0.2.33]:1', 'tcp://[64:ff9b::c000:221]:1'],
    ['tcp://[fe80::1%eth0]:1', 'tcp://[fe80::1%25eth0]:1'],
    ['tcp://[FE80::1%25Eth0.100]:1', 'tcp://[fe80::1%25Eth0.100]:1'],
    ['tcp://[::1]:1?ipv6only=0', 'tcp://[::1]:1'],
    ['tcp://[::1]:1?ipv6only=1', 'tcp://[::1]:1?ipv6only=1'],
  ])('%s is %s between generations', (text, requested) => {
    const address = parseListenAddress(text);
    expect(address.requested).toBe(requested);
    expect(address.name).toBe(requested);
    expect(parseListenAddress(requested).requested).toBe(requested);
  });

  test('a zone is part of the host, for listen(2)', () => {
    expect(parseListenAddress('tcp://[fe80::1%25eth0]:1')).toMatchObject({ host: 'fe80::1%eth0' });
  });

  test.each([
    ['tcp:0.0.0.0:1', 'after tcp: come two slashes, as in tcp://0.0.0.0:3000.'],
    ['tcp:/0.0.0.0:1', 'after tcp: come two slashes, as in tcp://0.0.0.0:3000.'],
    ['tcp://0.0.0.0:1/', 'a TCP address has no path; accepted is tcp://host:port.'],
    ['tcp:///run/app.sock', 'a TCP address has no path; accepted is tcp://host:port.'],
    ['tcp://me:secret@host:1', 'a TCP address has no user or password; accepted is tcp://host:port.'],
    ['tcp://::1:80', 'an IPv6 address stands in brackets, as in tcp://[::1]:3000.'],
    ['tcp://fe80::1', 'an IPv6 address stands in brackets, as in tcp://[::1]:3000.'],
    ['tcp://[::1:80', 'accepted are tcp://host:port and tcp://[::1]:port.'],
    ['tcp://[::1]x:80', 'accepted are tcp://host:port and tcp://[::1]:port.'],
    ['tcp://a[b]:80', 'accepted are tcp://host:port and tcp://[::1]:port.'],
    ['tcp://:80', 'the host is missing; write 0.0.0.0 for all IPv4 addresses, or [::] for IPv6 as well.'],
    ['tcp://', 'the host is missing; write 0.0.0.0 for all IPv4 addresses, or [::] for IPv6 as well.'],
    ['tcp://*:80', '* is not a host; write 0.0.0.0 for all IPv4 addresses, or [::] for IPv6 as well.'],
    ['tcp://[]:80', 'in brackets stands an IPv6 address, as in tcp://[::1]:3000.'],
    ['tcp://[127.0.0.1]:80', 'in brackets stands an IPv6 address, as in tcp://[::1]:3000.'],
    ['tcp://[1:2:3:4:5:6:7:8::]:80', 'in brackets stands an IPv6 address, as in tcp://[::1]:3000.'],
    ['tcp://[1::2::3]:80', 'in brackets stands an IPv6 address, as in tcp://[::1]:3000.'],
    ['tcp://[::1.2.3.4:5]:80', 'in brackets stands an IPv6 address, as in tcp://[::1]:3000.'],
    ['tcp://[1:2:3:4:5:6:7]:80', 'in brackets stands an IPv6 address, as in tcp://[::1]:3000.'],
    ['tcp://[::1%]:80', 'after the % of an IPv6 address stands the name of a network interface.'],
    ['tcp://[::1%a/b]:80', 'a TCP address has no path; accepted is tcp://host:port.'],
    [
      'tcp://[::1%averylonginterface]:80',
      'after the % of an IPv6 address stands the name of a network interface.',
    ],
    ['tcp://localhost', 'the port is missing; accepted is tcp://host:port.'],
    ['tcp://[::1]', 'the port is missing; accepted is tcp://host:port.'],
    ['tcp://localhost:', 'the port is missing; accepted is tcp://host:port.'],
    ['tcp://localhost:65536', 'the port must be a whole number from 0 to 65535.'],
    ['tcp://localhost:-1', 'the port must be a whole number from 0 to 65535.'],
    ['tcp://localhost:http', 'the port must be a whole number from 0 to 65535.'],
    ['tcp://localhost:8e1', 'the port must be a whole number from 0 to 65535.'],
    ['tcp://0.0.0.0:1?ipv6only=1', 'ipv6only needs an IPv6 address, as in tcp://[::]:3000?ipv6only=1.'],
    ['tcp://localhost:1?ipv6only=0', 'ipv6only needs an IPv6 address, as in tcp://[::]:3000?ipv6only=1.'],
    ['tcp://[::]:1?ipv6only=true', 'ipv6only must be 0 or 1.'],
    ['tcp://0.0.0.0:1?mode=0660', '"mode" is not known; a TCP address takes name, backlog and ipv6only.'],
    ['tcp://0.0.0.0:1?Name=x', '"Name" is not known; a TCP address takes name, backlog and ipv6only.'],
  ])('%s is refused', (text, reason) => {
    expect(refusal(text)).toBe(reason);
  });

  test.each([['127.1'], ['2130706433'], ['0x7f000001'], ['256.0.0.1'], ['1.2.3.04'], ['1.2.3.4.5'], ['a.1']])(
    '%s is neither an IPv4 address nor a name',
    (host) => {
      expect(refusal(`tcp://${host}:1`)).toBe(
        'the host is neither an IPv4 address of four numbers nor a host name.',
      );
    },
  );

  test.each([
    ['-a'],
    ['a-'],
    ['a..b'],
    ['.a'],
    ['bücher.example'],
    ['a%20b'],
    ['a,b'],
    ['a'.repeat(64)],
    ['a.'.repeat(127)],
  ])('%s is not a host name', (host) => {
    expect(refusal(`tcp://${host}:1`)).toBe(
      'the host is not a host name: letters, digits and hyphens between dots (other scripts as xn--…).',
    );
  });
});

describe('UNIX addresses', () => {
  test('a path, and its defaults', () => {
    expect(parseListenAddress('unix:///run/app.sock')).toEqual({
      kind: 'unix',
      path: '/run/app.sock',
      abstract: false,
      mode: null,
      requested: 'unix:///run/app.sock',
      name: 'unix:///run/app.sock',
      backlog: DEFAULT_BACKLOG,
    });
    expect(parseListenAddress('unix:///run/app.sock?mode=0660&name=api&backlog=1')).toMatchObject({
      mode: 0o660,
      requested: 'unix:///run/app.sock',
      name: 'api',
      backlog: 1,
    });
  });

  test('an abstract name', () => {
    expect(parseListenAddress('unix:@app/1?name=x')).toEqual({
      kind: 'unix',
      path: '@app/1',
      abstract: true,
      mode: null,
      requested: 'unix:@app/1',
      name: 'x',
      backlog: DEFAULT_BACKLOG,
    });
  });

  test.each([
    ['UNIX:///a', '/a', 'unix:///a'],
    ['unix:////run//./app.sock', '/run/app.sock', 'unix:///run/app.sock'],
    ['unix:///run/../app.sock', '/run/../app.sock', 'unix:///run/../app.sock'],
    ['unix:///a%20b%3Fc%23d%25e', '/a b?c#d%e', 'unix:///a%20b%3Fc%23d%25e'],
    ['unix:///%C3%A9', '/é', 'unix:///%C3%A9'],
    ['unix:///é', '/é', 'unix:///%C3%A9'],
    ['unix:///%61', '/a', 'unix:///a'],
    ['unix:///a%2Fb', '/a/b', 'unix:///a/b'],
    ["unix:///a@b:c,d;e=f&g+h$(i)!*'~", "/a@b:c,d;e=f&g+h$(i)!*'~", "unix:///a@b:c,d;e=f&g+h$(i)!*'~"],
    ['unix:@%40', '@@', 'unix:@@'],
  ])('%s is the path %s', (text, path, requested) => {
    expect(parseListenAddress(text)).toMatchObject({ path, requested });
    expect(parseListenAddress(requested)).toMatchObject({ path, requested });
  });

  test.each([
    ['660', 0o660],
    ['0660', 0o660],
    ['0777', 0o777],
    ['000', 0],
  ])('mode=%s is octal', (text, mode) => {
    expect(parseListenAddress(`unix:///a?mode=${text}`)).toMatchObject({ mode });
  });

  test.each([
    ['unix:app.sock', 'the path must be absolute: unix: and three slashes, as in unix:///run/app.sock.'],
    ['unix:/run/app.sock', 'the path must be absolute: unix: and three slashes, as in unix:///run/app.sock.'],
    [
      'unix://run/app.sock',
      'the path must be absolute: unix: and three slashes, as in unix:///run/app.sock.',
    ],
    ['unix:', 'the path must be absolute: unix: and three slashes, as in unix:///run/app.sock.'],
    ['unix:///', 'it names a directory, not a file.'],
    ['unix:///run/', 'it names a directory, not a file.'],
    ['unix:///run/.', 'it names a directory, not a file.'],
    ['unix:///run/..', 'it names a directory, not a file.'],
    ['unix:///a%00b', 'it contains a NUL character.'],
    ['unix:@a%00b', 'it contains a NUL character.'],
    ['unix:///100%', 'a % that is not followed by two hexadecimal digits of UTF-8 text is written %25.'],
    ['unix:///%ff', 'a % that is not followed by two hexadecimal digits of UTF-8 text is written %25.'],
    ['unix:@', 'the abstract name is missing, as in unix:@name.'],
    ['unix://@app', 'an abstract name follows the colon directly, as in unix:@app.'],
    [`unix:@${'é'.repeat(54)}`, 'an abstract name is at most 107 bytes long.'],
    ['unix:@a?mode=0660', 'an abstract address has no mode: there is no file, and every user may connect.'],
    ['unix:///a?mode=888', 'mode must be three octal digits, as in 0660.'],
    ['unix:///a?mode=4755', 'mode must be three octal digits, as in 0660.'],
    ['unix:///a?mode=66', 'mode must be three octal digits, as in 0660.'],
    ['unix:///a?mode=rw', 'mode must be three octal digits, as in 0660.'],
    ['unix:///a?ipv6only=1', '"ipv6only" is not known; a UNIX address takes name, mode and backlog.'],
  ])('%s is refused', (text, reason) => {
    expect(refusal(text)).toBe(reason);
  });

  test('an abstract name may have 107 bytes', () => {
    expect(parseListenAddress(`unix:@${'a'.repeat(107)}`)).toMatchObject({ abstract: true });
  });
});

describe('what all addresses share', () => {
  test.each([
    ['', `it is empty; accepted are ${forms}.`],
    ['3000', `accepted are ${forms}.`],
    ['localhost:3000', `accepted are ${forms}.`],
    ['http://localhost:3000', `accepted are ${forms}.`],
    ['/run/app.sock', `accepted are ${forms}.`],
    ['://', `accepted are ${forms}.`],
    [
      ' tcp://a:1',
      'it contains a space or control character; in a path or name these are written %20 and so on.',
    ],
    [
      'tcp://a:1\n',
      'it contains a space or control character; in a path or name these are written %20 and so on.',
    ],
    [
      'unix:///a\0b',
      'it contains a space or control character; in a path or name these are written %20 and so on.',
    ],
    [
      'unix:///\ud800',
      'it contains a space or control character; in a path or name these are written %20 and so on.',
    ],
    ['tcp://a:1#x', 'it has a fragment (#…); a # in a path or name is written %23.'],
    ['tcp://a:1?', 'after the ? stand pairs key=value, separated by &.'],
    ['tcp://a:1?name', 'after the ? stand pairs key=value, separated by &.'],
    ['tcp://a:1?=x', 'after the ? stand pairs key=value, separated by &.'],
    ['tcp://a:1?name=', 'after the ? stand pairs key=value, separated by &.'],
    ['tcp://a:1?name=x&', 'after the ? stand pairs key=value, separated by &.'],
    ['tcp://a:1?name=x&name=y', 'name is given twice.'],
    ['tcp://a:1?name=%', 'a % that is not followed by two hexadecimal digits of UTF-8 text is written %25.'],
    ['tcp://a:1?name=a%0Ab', 'name must be 1 to 255 characters, none of them a control character.'],
    [
      `unix:@a?name=${'x'.repeat(256)}`,
      'name must be 1 to 255 characters, none of them a control character.',
    ],
    ['tcp://a:1?backlog=0', 'backlog must be a whole number from 1 to 65535.'],
    ['tcp://a:1?backlog=65536', 'backlog must be a whole number from 1 to 65535.'],
    ['tcp://a:1?backlog=1.5', 'backlog must be a whole number from 1 to 65535.'],
    ['unix:@a?backlog=-1', 'backlog must be a whole number from 1 to 65535.'],
  ])('%j is refused', (text, reason) => {
    expect(refusal(text)).toBe(reason);
  });

  test.each([['1'], ['65535']])('backlog=%s is accepted', (backlog) => {
    expect(parseListenAddress(`tcp://a:1?backlog=${backlog}`).backlog).toBe(Number(backlog));
  });

  test('a name is decoded', () => {
    expect(parseListenAddress('tcp://a:1?name=a%20b%26c=d').name).toBe('a b&c=d');
  });

  test('a long text is cut in the sentence', () => {
    expect(refusal('x'.repeat(1000))).toBe(`accepted are ${forms}.`);
  });

  test.each([
    ['tcp://a:1'],
    ['tcp://[::]:1?ipv6only=1'],
    ['tcp://[::]:1?ipv6only=1&name=a%26b&backlog=7'],
    ['tcp://a:1?name=x'],
    ['unix:///a%3Fb?name=%C3%A9&mode=0066&backlog=1'],
    ['unix:@a?backlog=2'],
  ])('%s is printed as it was', (text) => {
    expect(printListenAddress(parseListenAddress(text))).toBe(text);
  });

  test('name, mode and backlog do not make another address; ipv6only does', () => {
    const same = (one: string, other: string): boolean =>
      sameListenAddress(parseListenAddress(one), parseListenAddress(other));
    expect(same('tcp://a:1?name=x&backlog=1', 'TCP://A:01')).toBe(true);
    expect(same('unix:///a?mode=0600', 'unix:////./a?name=x')).toBe(true);
    expect(same('tcp://[::]:1', 'tcp://[::]:1?ipv6only=1')).toBe(false);
    expect(same('tcp://a:1', 'tcp://a:2')).toBe(false);
    expect(same('unix:///@a', 'unix:@a')).toBe(false);
  });
});
