/**
 * Listen addresses: parse, print, compare. Pure: nothing is resolved, looked up or bound here.
 * `requested` is a listener's identity between generations, so its form never changes within a major version.
 */
import { ConfigurationError } from '../errors.js';
import { decode, Query, quote, type Refuse } from './address-query.js';
import { parseIpAddress, printIpAddress } from './ip-address.js';

export { parseNetwork } from './network.js';

/** A TCP address to listen on. */
interface TcpListenAddress {
  readonly kind: 'tcp';
  /** A canonical IP address without brackets (with `%zone` if it has one), or a host name in lower case. */
  readonly host: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** Whether an IPv6 listener refuses IPv4 clients. */
  readonly ipv6Only: boolean;
  /** The canonical address without name, mode and backlog: the identity between generations. */
  readonly requested: string;
  readonly name: string;
  readonly backlog: number;
}

/** A UNIX address to listen on. */
interface UnixListenAddress {
  readonly kind: 'unix';
  /** An absolute path, or `@name` in the abstract namespace. */
  readonly path: string;
  readonly abstract: boolean;
  /** Permissions of the socket file, or null for what the umask leaves. Always null for abstract addresses. */
  readonly mode: number | null;
  /** The canonical address without name, mode and backlog: the identity between generations. */
  readonly requested: string;
  readonly name: string;
  readonly backlog: number;
}

/** Where to listen, parsed. Frozen. */
export type ListenAddress = TcpListenAddress | UnixListenAddress;

/**
 * What listen(2) gets if the address does not say. The kernel takes no more than net.core.somaxconn, which is this much by
 * default since Linux 5.4. While a new process starts, both compete for the processor: Node's 511 would hold a quarter of
 * a second at 2,000 connections a second, and then clients wait for a retransmission.
 */
export const DEFAULT_BACKLOG = 4_096;

/** The forms that are understood, for sentences about those that are not. */
const FORMS = 'tcp://host:port, tcp://[::1]:port, unix:///path or unix:@abstract';

/** sun_path holds 108 bytes (unix(7)), of which an abstract name leaves the first to a NUL. */
const LONGEST_ABSTRACT_NAME = 107;

/**
 * Reads one listen address.
 *
 * @throws ConfigurationError with one sentence that names the text and the accepted form.
 */
export function parseListenAddress(text: string): ListenAddress {
  const refuse = (reason: string): never => {
    throw new ConfigurationError([`${quote(text)} is not an address to listen on: ${reason}.`]);
  };
  if (text === '') refuse(`it is empty; accepted are ${FORMS}`);
  if (/[\s\p{Cc}\p{Cs}]/u.test(text)) {
    refuse('it contains a space or control character; in a path or name these are written %20 and so on');
  }
  if (text.includes('#')) refuse('it has a fragment (#…); a # in a path or name is written %23');

  const [, scheme = '', rest = '', queryText] = /^([a-z][a-z\d+.-]*):([^?]*)(?:\?(.*))?$/i.exec(text) ?? [];
  const query = new Query(queryText, refuse);
  let address: ListenAddress;
  switch (scheme.toLowerCase()) {
    case 'tcp':
      address = parseTcp(rest, query, refuse);
      break;
    case 'unix':
      address = parseUnix(rest, query, refuse);
      break;
    default:
      return refuse(`accepted are ${FORMS}`);
  }
  return Object.freeze(address);
}

/** The address in full: what {@link parseListenAddress} reads back as the same. Parts that are as by default are left out. */
export function printListenAddress(address: ListenAddress): string {
  const query = [
    ...(address.name === address.requested ? [] : [`name=${encodeURIComponent(address.name)}`]),
    ...(address.kind === 'unix' && address.mode !== null ? [`mode=${printMode(address.mode)}`] : []),
    ...(address.backlog === DEFAULT_BACKLOG ? [] : [`backlog=${address.backlog}`]),
  ].join('&');
  if (query === '') return address.requested;
  return `${address.requested}${address.requested.includes('?') ? '&' : '?'}${query}`;
}

/** Whether two addresses are one and the same to the next generation, whatever their names, modes and backlogs. */
export function sameListenAddress(one: ListenAddress, other: ListenAddress): boolean {
  return one.requested === other.requested;
}

function parseTcp(rest: string, query: Query, refuse: Refuse): TcpListenAddress {
  if (!rest.startsWith('//')) refuse('after tcp: come two slashes, as in tcp://0.0.0.0:3000');
  const authority = rest.slice(2);
  if (authority.includes('/')) refuse('a TCP address has no path; accepted is tcp://host:port');
  if (authority.includes('@')) refuse('a TCP address has no user or password; accepted is tcp://host:port');

  if (/^[^[].*:.*:|^:.*:/.test(authority)) {
    refuse('an IPv6 address stands in brackets, as in tcp://[::1]:3000');
  }
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(authority);
  if (parts === null) return refuse('accepted are tcp://host:port and tcp://[::1]:port');
  const [, bracketed, plain = '', portText = ''] = parts;
  const host = bracketed === undefined ? parseHost(plain, refuse) : parseBracketed(bracketed, refuse);
  if (portText === '') refuse('the port is missing; accepted is tcp://host:port');
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN;
  if (!(port <= 65_535)) refuse('the port must be a whole number from 0 to 65535');

  const ipv6Only = query.flag('ipv6only');
  if (ipv6Only !== undefined && bracketed === undefined) {
    refuse('ipv6only needs an IPv6 address, as in tcp://[::]:3000?ipv6only=1');
  }
  const printed = bracketed === undefined ? host : `[${host.replace('%', '%25')}]`;
  const requested = `tcp://${printed}:${port}${ipv6Only === true ? '?ipv6only=1' : ''}`;
  const name = query.name() ?? requested;
  const backlog = query.backlog() ?? DEFAULT_BACKLOG;
  query.end('a TCP address takes name, backlog and ipv6only');
  return { kind: 'tcp', host, port, ipv6Only: ipv6Only ?? false, requested, name, backlog };
}

/** An IPv4 address or a host name. */
function parseHost(text: string, refuse: Refuse): string {
  if (text === '') {
    refuse('the host is missing; write 0.0.0.0 for all IPv4 addresses, or [::] for IPv6 as well');
  }
  if (text === '*') refuse('* is not a host; write 0.0.0.0 for all IPv4 addresses, or [::] for IPv6 as well');
  const bytes = parseIpAddress(text);
  if (bytes !== null) return printIpAddress(bytes);
  // What ends in a number would be an IPv4 address to some resolvers (127.1, 0x7f000001) and a name to others.
  if (/(^|\.)(\d+|0x[\da-f]*)\.?$/i.test(text)) {
    refuse('the host is neither an IPv4 address of four numbers nor a host name');
  }
  const labels = text.replace(/\.$/, '').split('.');
  if (text.length > 253 || !labels.every((label) => /^(?!-)[a-z\d_-]{1,63}(?<!-)$/i.test(label))) {
    refuse('the host is not a host name: letters, digits and hyphens between dots (other scripts as xn--…)');
  }
  return text.toLowerCase();
}

/** An IPv6 address, with an optional zone after `%` or `%25` (RFC 6874). */
function parseBracketed(text: string, refuse: Refuse): string {
  const [, addressText = '', zone] = /^([^%]*)(?:%(?:25)?(.*))?$/.exec(text) ?? [];
  const bytes = parseIpAddress(addressText);
  if (bytes?.length !== 16) return refuse('in brackets stands an IPv6 address, as in tcp://[::1]:3000');
  if (zone === undefined) return printIpAddress(bytes);
  if (!/^[\w.-]{1,15}$/.test(zone)) {
    refuse('after the % of an IPv6 address stands the name of a network interface');
  }
  return `${printIpAddress(bytes)}%${zone}`;
}

function parseUnix(rest: string, query: Query, refuse: Refuse): UnixListenAddress {
  const abstract = rest.startsWith('@');
  const path = abstract ? decode(rest, refuse) : canonicalPath(rest, refuse);
  if (path.includes('\0')) refuse('it contains a NUL character');
  if (path === '@') refuse('the abstract name is missing, as in unix:@name');
  if (abstract && Buffer.byteLength(path) - 1 > LONGEST_ABSTRACT_NAME) {
    refuse(`an abstract name is at most ${LONGEST_ABSTRACT_NAME} bytes long`);
  }
  const requested = abstract ? `unix:${encode(path)}` : `unix://${encode(path)}`;
  const mode = query.mode();
  if (abstract && mode !== undefined) {
    refuse('an abstract address has no mode: there is no file, and every user may connect');
  }
  const name = query.name() ?? requested;
  const backlog = query.backlog() ?? DEFAULT_BACKLOG;
  query.end('a UNIX address takes name, mode and backlog');
  return { kind: 'unix', path, abstract, mode: mode ?? null, requested, name, backlog };
}

/** Without doubled slashes and single dots. `..` stays: only the kernel knows where it leads behind a symbolic link. */
function canonicalPath(rest: string, refuse: Refuse): string {
  if (rest.startsWith('//@')) {
    refuse(`an abstract name follows the colon directly, as in unix:${rest.slice(2)}`);
  }
  if (!rest.startsWith('///')) {
    refuse('the path must be absolute: unix: and three slashes, as in unix:///run/app.sock');
  }
  const segments = decode(rest.slice(2), refuse).split('/');
  const last = segments.at(-1);
  if (last === '' || last === '.' || last === '..') refuse('it names a directory, not a file');
  return `/${segments.filter((segment) => segment !== '' && segment !== '.').join('/')}`;
}

/** The counterpart of {@link decode} that leaves alone what needs no escape in a path. */
function encode(path: string): string {
  return encodeURIComponent(path).replace(/%(2F|40|3A|2C|2B|3D|26|24|3B)/g, (escape) =>
    decodeURIComponent(escape),
  );
}

function printMode(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
