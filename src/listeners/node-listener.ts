/** A listener made by Node itself, where the addon is not available: it serves, and cannot change hands. */
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import net, { type AddressInfo, type Socket } from 'node:net';
import type { ListenerInfo } from '../connections/connection.js';
import { UninterruptibleError } from '../errors.js';
import type { ListenAddress } from './address.js';
import type { Listener, OnConnection } from './listener.js';

const KEEP_ALIVE_MILLISECONDS = 60_000;

export class NodeListener implements Listener {
  readonly address: ListenAddress;
  readonly index: number;
  readonly info: ListenerInfo;
  readonly #server: net.Server;
  /** Accepted while nobody was ready for them. */
  readonly #waiting: Socket[] = [];
  #onConnection: OnConnection | undefined;
  #onError: ((error: Error) => void) | undefined;

  private constructor(address: ListenAddress, index: number, server: net.Server) {
    this.address = address;
    this.index = index;
    this.#server = server;
    this.info = Object.freeze(describe(address, server));
    server.on('error', (error) => this.#onError?.(error));
    server.on('connection', (socket) => {
      // One that waits for its turn must not end the process by a reset.
      socket.on('error', () => undefined);
      this.#waiting.push(socket);
      this.#pass();
    });
  }

  /** Throws LISTENER_ADDRESS_IN_USE, LISTENER_UNSUPPORTED or LISTENER_BIND_FAILED. */
  static async open(address: ListenAddress, index: number): Promise<NodeListener> {
    if (address.kind === 'unix' && address.abstract) {
      throw new UninterruptibleError(
        'UNINTERRUPTIBLE_LISTENER_UNSUPPORTED',
        `${address.requested}: abstract sockets need the addon, on Linux.`,
      );
    }
    const server = net.createServer({
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MILLISECONDS,
    });
    try {
      await listen(server, address);
    } catch (error) {
      if (!(await removeStale(error as NodeJS.ErrnoException, address))) throw bindFailed(address, error);
      await listen(server, address);
    }
    if (address.kind === 'unix' && address.mode !== null) chmodSync(address.path, address.mode);
    return new NodeListener(address, index, server);
  }

  get bound(): string {
    return this.info.bound;
  }

  get accepting(): boolean {
    return this.#onConnection !== undefined && this.#server.listening;
  }

  get open(): boolean {
    return this.#server.listening;
  }

  accept(onConnection: OnConnection, onError: (error: Error) => void): void {
    if (this.#onConnection !== undefined) return;
    this.#onConnection = onConnection;
    this.#onError = onError;
    this.#pass();
  }

  /** Node cannot stop accepting without closing, so what comes now is kept until `accept`. */
  pause(): void {
    this.#onConnection = undefined;
  }

  end(onConnection: OnConnection): void {
    for (const socket of this.#waiting.splice(0)) {
      if (!socket.destroyed) onConnection(socket, this);
    }
    this.#server.close();
  }

  drop(): void {
    for (const socket of this.#waiting.splice(0)) socket.destroy();
    this.#server.close();
  }

  /** Node removes the path itself when it closes. */
  unlink(): void {
    this.#server.close();
  }

  offer(): undefined {
    return undefined;
  }

  /** Hands over those that wait, until told to pause. */
  #pass(): void {
    while (this.#onConnection !== undefined) {
      const socket = this.#waiting.shift();
      if (socket === undefined) return;
      if (!socket.destroyed) this.#onConnection(socket, this);
    }
  }
}

function listen(server: net.Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const options =
      address.kind === 'tcp'
        ? { host: address.host, port: address.port, ipv6Only: address.ipv6Only, backlog: address.backlog }
        : { path: address.path, backlog: address.backlog };
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function describe(address: ListenAddress, server: net.Server): ListenerInfo {
  const { name, kind, requested } = address;
  if (address.kind === 'unix') return { name, kind, bound: requested, address: address.path, port: 0 };
  const { address: ip, port, family } = server.address() as AddressInfo;
  const bound = family === 'IPv6' ? `tcp://[${ip}]:${port}` : `tcp://${ip}:${port}`;
  return { name, kind, bound, address: ip, port };
}

/** Whether the path of a dead server was in the way and is gone now. */
async function removeStale(error: NodeJS.ErrnoException, address: ListenAddress): Promise<boolean> {
  if (error.code !== 'EADDRINUSE' || address.kind !== 'unix') return false;
  if (!lstatSync(address.path, { throwIfNoEntry: false })?.isSocket()) return false;
  const refused = await new Promise<boolean>((resolve) => {
    const client = net.connect(address.path, () => {
      client.destroy();
      resolve(false);
    });
    client.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'));
  });
  if (refused) unlinkSync(address.path);
  return refused;
}

function bindFailed(address: ListenAddress, cause: unknown): UninterruptibleError {
  const inUse = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
  return new UninterruptibleError(
    inUse ? 'UNINTERRUPTIBLE_LISTENER_ADDRESS_IN_USE' : 'UNINTERRUPTIBLE_LISTENER_BIND_FAILED',
    `${address.requested} could not be bound: ${(cause as Error).message}`,
    { cause },
  );
}
