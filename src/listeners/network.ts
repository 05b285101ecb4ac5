/** Networks in CIDR form. Pure. */
import { ConfigurationError } from '../errors.js';
import { isIPv4Mapped, parseIpAddress, printIpAddress } from './ip-address.js';

/** A network in CIDR form, parsed; host bits cleared, IPv4-mapped turned into IPv4. */
export interface Network {
  readonly family: 'ipv4' | 'ipv6';
  readonly address: string;
  readonly prefix: number;
}

/** `::ffff:0:0/96`, the IPv4-mapped addresses. */
const MAPPED_PREFIX = 96;

/**
 * Reads a network such as `10.0.0.0/8`, `127.0.0.1/8`, `2001:db8::/32`, or a bare address, which means itself.
 *
 * @throws ConfigurationError with one sentence that names the text and the accepted form.
 */
export function parseNetwork(text: string): Network {
  const refuse = (reason: string): never => {
    throw new ConfigurationError([`${JSON.stringify(text.slice(0, 200))} is not a network: ${reason}.`]);
  };
  const [, addressText = '', prefixText] = /^([^/]*)(?:\/(.*))?$/.exec(text) ?? [];
  if (addressText.includes('%')) refuse('a network has no zone; leave out the % and what follows it');
  const bytes = parseIpAddress(addressText);
  if (bytes === null) {
    return refuse('accepted are CIDRs such as 10.0.0.0/8 or 2001:db8::/32, and bare IP addresses');
  }
  const bits = bytes.length * 8;
  const prefix =
    prefixText === undefined ? bits : /^(0|[1-9]\d{0,2})$/.test(prefixText) ? Number(prefixText) : Number.NaN;
  if (!(prefix <= bits)) refuse(`after the slash stands a whole number from 0 to ${bits}`);

  if (!isIPv4Mapped(bytes)) return network(bytes, prefix);
  const mapped = bytes.subarray(12);
  if (prefix < MAPPED_PREFIX) {
    refuse(
      `IPv4 clients are matched by IPv4 networks; write ${printIpAddress(mapped)}/${Math.min(prefix, 32)}`,
    );
  }
  return network(mapped, prefix - MAPPED_PREFIX);
}

function network(bytes: Uint8Array, prefix: number): Network {
  const masked = bytes.map((byte, index) => {
    const kept = Math.min(Math.max(prefix - index * 8, 0), 8);
    return byte & (0xff00 >> kept) & 0xff;
  });
  return { family: masked.length === 4 ? 'ipv4' : 'ipv6', address: printIpAddress(masked), prefix };
}
