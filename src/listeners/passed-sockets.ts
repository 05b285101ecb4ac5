/**
 * Listening sockets that a service manager made and passed to this process (sd_listen_fds(3)). It keeps them as well, so
 * they are neither shut down nor unlinked here, and what waits in their queues when we stop is for whoever comes next.
 */
import type { Binding, Descriptor, SocketFacts } from '../binding.js';
import type { ListenAddress } from './address.js';
import { DescriptorListener } from './listener.js';

/** A number this process inherited, and what the service manager calls it. */
export interface PassedDescriptor {
  fd: number;
  name: string;
}

interface Passed {
  descriptor: Descriptor;
  name: string;
  facts: SocketFacts;
  claimed: boolean;
}

const ANY_HOST: ReadonlySet<string> = new Set(['0.0.0.0', '::']);
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1']);

export class PassedSockets {
  readonly #sockets: readonly Passed[];
  readonly #others: readonly string[];

  /** Owns the sockets from now on. What is none is left alone: if the count is wrong it may be anything of Node's own. */
  constructor(binding: Binding, passed: readonly PassedDescriptor[]) {
    const sockets = passed.map(({ fd, name }) => ({ name, ...adopt(binding, fd) }));
    this.#sockets = sockets.flatMap(({ name, descriptor, facts }) =>
      descriptor === undefined || facts === undefined ? [] : [{ name, descriptor, facts, claimed: false }],
    );
    this.#others = sockets.flatMap(({ name, facts }) => (facts === undefined ? [`${name} (no socket)`] : []));
  }

  /** A listener of one that fits, by the address it is bound to, or else by its name. It has a duplicate: this may be tried again. */
  claim(address: ListenAddress, index: number): DescriptorListener | undefined {
    const free = this.#sockets.filter(({ claimed, facts }) => !claimed && isOfKind(address, facts));
    const found =
      free.find(({ facts }) => isBoundTo(address, facts, 'exactly')) ??
      free.find(({ facts }) => isBoundTo(address, facts, 'roughly')) ??
      free.find(({ name }) => name === address.name);
    if (found === undefined) return undefined;
    found.claimed = true;
    if (address.kind === 'tcp') found.descriptor.tuneTcp();
    return new DescriptorListener(address, index, found.descriptor.duplicate(), undefined, true);
  }

  /** Another attempt to become the owner begins: nothing is claimed. */
  reset(): void {
    for (const socket of this.#sockets) socket.claimed = false;
  }

  /** In words, what no listener fits. */
  get unclaimed(): string[] {
    const unclaimed = this.#sockets.filter(({ claimed }) => !claimed);
    return [...unclaimed.map(({ name, facts }) => `${name} (${describe(facts)})`), ...this.#others];
  }

  /** Closes what this process was passed; listeners go on with their duplicates. */
  close(): void {
    for (const { descriptor } of this.#sockets) descriptor.close();
  }
}

function adopt(binding: Binding, fd: number): { descriptor?: Descriptor; facts?: SocketFacts } {
  let descriptor: Descriptor | undefined;
  try {
    descriptor = binding.adopt(fd);
    return { descriptor, facts: descriptor.inspect() };
  } catch {
    descriptor?.release();
    return {};
  }
}

/** Whether it could be a listener of this kind at all. */
function isOfKind({ kind }: ListenAddress, { family, type, listening }: SocketFacts): boolean {
  return type === 'stream' && listening && (kind === 'unix' ? family === 'unix' : family.startsWith('inet'));
}

function describe({ family, type, listening, address, port }: SocketFacts): string {
  const host = family === 'inet6' ? `[${address}]` : address;
  const where = family === 'unix' ? address : `${host}:${port}`;
  return [family, type, ...(listening ? [] : ['not listening']), where].join(' ');
}

/**
 * `roughly` takes all addresses of one family for those of the other, because `ListenStream=80` of systemd is [::]:80 and
 * serves both; and the loopback addresses for `localhost`.
 */
export function isBoundTo(address: ListenAddress, facts: SocketFacts, how: 'exactly' | 'roughly'): boolean {
  if (address.kind === 'unix') return facts.address === address.path;
  // Which one the kernel would have chosen nobody knows.
  if (address.port === 0 || facts.port !== address.port) return false;
  if (facts.address === address.host) return true;
  if (how === 'exactly') return false;
  if (ANY_HOST.has(address.host)) return ANY_HOST.has(facts.address) && !address.ipv6Only;
  return address.host === 'localhost' && LOOPBACK.has(facts.address);
}
