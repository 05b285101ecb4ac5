/**
 * Which clients may connect, by the networks their addresses are in.
 *
 * What net.BlockList would get wrong is kept away from it: each family has a list of its own (`::/0` in a common one matches
 * IPv4 as well), host bits are cleared before a rule is added, and IPv4-mapped addresses are IPv4 before they are looked up.
 */
import { BlockList } from 'node:net';
import { isIPv4Mapped, parseIpAddress, printIpAddress } from './ip-address.js';
import { parseNetwork } from './network.js';

/** Decides by address alone. Never throws. */
export interface AllowList {
  /** False for an undefined address: a client that reset before it was accepted has none. */
  allows(remoteAddress: string | undefined): boolean;
}

/**
 * Makes the list. A client is allowed if it is in one of the networks; no networks, nobody.
 *
 * @throws ConfigurationError that names the first text that is not a network.
 */
export function createAllowList(networks: readonly string[]): AllowList {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const { family, address, prefix } of networks.map(parseNetwork)) {
    lists[family].addSubnet(address, prefix, family);
  }

  return {
    allows(remoteAddress) {
      if (remoteAddress === undefined) return false;
      const zone = remoteAddress.indexOf('%');
      const bytes = parseIpAddress(zone === -1 ? remoteAddress : remoteAddress.slice(0, zone));
      if (bytes === null) return false;
      const client = isIPv4Mapped(bytes) ? bytes.subarray(12) : bytes;
      return client.length === 4
        ? lists.ipv4.check(printIpAddress(client), 'ipv4')
        : lists.ipv6.check(printIpAddress(client), 'ipv6');
    },
  };
}
