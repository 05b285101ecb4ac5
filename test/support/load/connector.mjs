// Opens sockets to the target, going round the source addresses if there are several.
import { connect, isIPv4 } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { neededSources } from './sources.mjs';

/** Returns a function that gives a socket on its way to the target. */
export function createConnector({ tls, ...address }, givenSources) {
  if (address.path === undefined) address.host ??= '127.0.0.1';
  const open = tls ? openTls(tls) : connect;
  const isLoopback = isIPv4(address.host ?? '') && address.host.startsWith('127.');
  const sources = isLoopback ? (givenSources ?? neededSources()) : 1;
  if (sources === 1) return () => open({ ...address });
  let turn = 0;
  return () => {
    turn = (turn % sources) + 1;
    return open({ ...address, localAddress: `127.0.0.${turn}` });
  };
}

/** Reading the certificates costs milliseconds: it is done once, not per connection. */
function openTls(tls) {
  const secureContext = createSecureContext(tls);
  return (address) => connectTls({ ...tls, secureContext, ...address });
}
