/** The options of one server, except TLS. */

import { type ListenAddress, parseListenAddress, parseNetwork } from '../listeners/address.js';
import { type Given, type GivenOptions, type Problems, print } from './given.js';

/** Whether there is anything that TLS and allow-lists could apply to. */
export interface TcpSurroundings {
  /** Of this server; undefined if its addresses could not be read. */
  readonly hasTcpListener: boolean | undefined;
  /** Whether the environment may mean another server of this process. */
  readonly othersHaveTcpListener: boolean;
}

/** Null, with a problem added, if one of the addresses is unusable. */
export function readListeners(
  given: GivenOptions,
  defaultHost: string,
  problems: Problems,
): readonly ListenAddress[] | null {
  const bind = given.explicit('bind');
  if (bind === undefined) {
    const listener = readBindPort(given, defaultHost, problems);
    return listener === undefined ? null : Object.freeze([listener]);
  }
  for (const rival of [given.explicit('bindAddress'), given.explicit('bindPort')]) {
    if (rival !== undefined) {
      problems.add(`${rival.label} and bind exclude each other; put host and port into bind.`);
    }
  }
  const texts: unknown[] = Array.isArray(bind.value) ? bind.value : [bind.value];
  const listeners: ListenAddress[] = [];
  for (const text of texts) {
    if (typeof text !== 'string') {
      problems.add(
        `${bind.label} must be an address such as tcp://0.0.0.0:3000, or an array of them, not ${print(text)}.`,
      );
      continue;
    }
    const listener = problems.collect(
      () => parseListenAddress(text),
      (problem) => `${bind.label}: ${problem}`,
    );
    if (listener !== undefined) listeners.push(listener);
  }
  if (texts.length === 0) problems.add(`${bind.label} must name at least one address.`);
  return listeners.length === 0 || listeners.length < texts.length ? null : Object.freeze(listeners);
}

/** Null allows everybody. */
export function readAllowedNetworks(
  given: GivenOptions,
  { hasTcpListener, othersHaveTcpListener }: TcpSurroundings,
  problems: Problems,
): readonly string[] | null {
  const found = given.get('allowedNetworks');
  if (found === undefined || found.value === null) return null;
  const { label } = found;
  const networks = found.explicit ? found.value : found.value.split(',').map((network) => network.trim());
  if (!Array.isArray(networks) || !networks.every((network) => typeof network === 'string')) {
    problems.add(
      `${label} must be an array of networks such as ['10.0.0.0/8', '::1'], not ${print(networks)}.`,
    );
    return null;
  }
  if (networks.length === 0) {
    problems.add(`${label} must name at least one network; leave it out to allow all.`);
  }
  for (const network of networks) {
    problems.collect(
      () => parseNetwork(network),
      (problem) => `${label}: ${problem}`,
    );
  }
  if (hasTcpListener === false) {
    if (!found.explicit && othersHaveTcpListener) return null;
    problems.add(`${label} needs a TCP listener: clients of UNIX sockets have no address.`);
  }
  return Object.freeze([...networks]);
}

function readBindPort(
  given: GivenOptions,
  defaultHost: string,
  problems: Problems,
): ListenAddress | undefined {
  const port = given.get('bindPort');
  if (port === undefined) {
    problems.add(
      `bind or bindPort${given.place} is required: give an address such as tcp://0.0.0.0:3000, or a port, or set the environment variable PORT.`,
    );
  }
  const number = port && readPort(port, problems);
  const host = given.explicit('bindAddress');
  if (host === undefined) {
    return number === undefined ? undefined : parseListenAddress(`tcp://${defaultHost}:${number}`);
  }
  const text = typeof host.value === 'string' ? host.value : '';
  const listener = problems.collect(
    () => parseListenAddress(withPort(text, number ?? 0)),
    () => badHost(host),
  );
  return number === undefined ? undefined : listener;
}

function readPort(port: Given, problems: Problems): number | undefined {
  const number = !port.explicit && /^\d{1,5}$/.test(port.value) ? Number(port.value) : port.value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= 65_535) {
    return number;
  }
  problems.add(`${port.label} must be a whole number from 0 to 65535, not ${print(port.value)}.`);
  return undefined;
}

/** An address of which nothing but the host can come from the text. */
function withPort(host: string, port: number): string {
  const bare = /^\[([^\]]*)\]$/.exec(host)?.[1] ?? host;
  if (/[?#[\]]/.test(bare)) return '';
  return `tcp://${bare.includes(':') ? `[${bare}]` : bare}:${port}`;
}

function badHost({ label, value }: Given): string {
  const isPath = typeof value === 'string' && /^(\/|@|unix:)/.test(value);
  return `${label} must be an IP address or a host name, not ${print(value)}${isPath ? '; a UNIX socket is given as bind: unix:///path' : ''}.`;
}
