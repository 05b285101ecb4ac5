/** Binds a listener that no predecessor offered. A dead server's path is replaced, a living one's or a file never. */
import { lstatSync, unlinkSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Binding, Descriptor } from '../binding.js';
import { UninterruptibleError } from '../errors.js';
import { whyUnwritable } from '../process/unwritable.js';
import type { ListenAddress } from './address.js';
import { exclusively } from './exclusively.js';
import { DescriptorListener, fileAt } from './listener.js';

/** Throws LISTENER_ADDRESS_IN_USE, LISTENER_PATH_NOT_SOCKET or LISTENER_BIND_FAILED, the kernel's reason as cause. */
export async function openListener(
  binding: Binding,
  address: ListenAddress,
  index: number,
): Promise<DescriptorListener> {
  try {
    if (address.kind === 'tcp') {
      return new DescriptorListener(address, index, await listenTcp(binding, address));
    }
    return await listenUnix(binding, address, index);
  } catch (cause) {
    if (cause instanceof UninterruptibleError) throw cause;
    // The frames of a system call are ours.
    if (cause instanceof Error) cause.stack = String(cause);
    const isInUse = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
    throw new UninterruptibleError(
      isInUse ? 'UNINTERRUPTIBLE_LISTENER_ADDRESS_IN_USE' : 'UNINTERRUPTIBLE_LISTENER_BIND_FAILED',
      isInUse
        ? inUse(address.requested, address.kind)
        : `${address.requested} could not be bound: ${whyNot(address, cause)}`,
      { cause },
    );
  }
}

function inUse(requested: string, kind: ListenAddress['kind']): string {
  const sockets = kind === 'unix' ? 'ss -lxp' : 'ss -ltnp';
  return `${requested} is in use already: \`${sockets}\` says by whom. If it is this server, restart it instead; a second one takes over only with the same controlPath.`;
}

function whyNot(address: ListenAddress, cause: unknown): string {
  const hasPath = address.kind === 'unix' && !address.abstract;
  return hasPath ? whyUnwritable(address.path, cause) : (cause as Error).message;
}

async function listenTcp(
  binding: Binding,
  address: Extract<ListenAddress, { kind: 'tcp' }>,
): Promise<Descriptor> {
  const ip = isIP(address.host) ? address.host : await resolve(address.host);
  return binding.listenTcp(ip, address.port, { backlog: address.backlog, ipv6Only: address.ipv6Only });
}

/** Loaded here and not above: few listen on a name. */
async function resolve(host: string): Promise<string> {
  const { lookup } = process.getBuiltinModule('node:dns/promises');
  return (await lookup(host)).address;
}

async function listenUnix(
  binding: Binding,
  address: Extract<ListenAddress, { kind: 'unix' }>,
  index: number,
): Promise<DescriptorListener> {
  const { path, abstract, backlog, mode } = address;
  const listen = (): Descriptor => binding.listenUnix(path, { type: 'stream', backlog, mode });
  if (abstract) return new DescriptorListener(address, index, listen());
  return exclusively(binding, path, () => {
    removeStale(binding, path);
    return new DescriptorListener(address, index, listen(), fileAt(path));
  });
}

/** Removes the socket file of a dead server, or throws if it is anything else. To be called exclusively. */
function removeStale(binding: Binding, path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) {
    throw new UninterruptibleError(
      'UNINTERRUPTIBLE_LISTENER_PATH_NOT_SOCKET',
      `${path} exists and is not a socket; remove it or choose another path.`,
    );
  }
  if (isAlive(binding, path)) {
    throw new UninterruptibleError(
      'UNINTERRUPTIBLE_LISTENER_ADDRESS_IN_USE',
      inUse(`unix://${path}`, 'unix'),
    );
  }
  unlinkSync(path);
}

/** Refused is dead; a full queue, no permission or another type of socket are signs of life. */
function isAlive(binding: Binding, path: string): boolean {
  try {
    binding.connectUnix(path, 'stream').close();
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== 'ECONNREFUSED' && code !== 'ENOENT';
  }
}
