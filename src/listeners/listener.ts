/**
 * One listening socket. The library keeps a descriptor of its own for as long as it may have to offer, resume or end
 * it; Node's `net.Server` gets a duplicate each time it accepts, because pausing means closing that one (traps: there
 * is no other way to stop accepting without dropping connections).
 */
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import net, { type Socket } from 'node:net';
import type { Descriptor, FileIdentity, SocketFacts } from '../binding.js';
import type { ListenerInfo } from '../connections/connection.js';
import { UninterruptibleError } from '../errors.js';
import type { ListenerRecord } from '../handover/protocol.js';
import type { ListenAddress } from './address.js';

/** Called for each accepted connection, in the tick it was accepted. */
export type OnConnection = (socket: Socket, listener: Listener) => void;

/** Half-open: a client that has said all it has to say still gets its answer. */
const SOCKET_OPTIONS = { allowHalfOpen: true } as const;

/** One listening socket of a server, whoever made it. */
export interface Listener {
  /** As configured. */
  readonly address: ListenAddress;
  readonly index: number;
  /** As users see it; the same object for every connection. */
  readonly info: ListenerInfo;
  readonly bound: string;
  readonly accepting: boolean;
  /** Whether this process can still accept from it. */
  readonly open: boolean;
  /** Starts accepting, in this tick. Idempotent. */
  accept(onConnection: OnConnection, onError: (error: Error) => void): void;
  /** Stops accepting; what comes now waits in the kernel's queue. Idempotent. */
  pause(): void;
  /** Ends it for every process that holds it: serves its queue, shuts it down, and removes a path that is ours. */
  end(onConnection: OnConnection): void;
  /** Gives up this process's share; other holders keep theirs. Idempotent. */
  drop(): void;
  /** Removes the path if device and inode are still those of this listener. */
  unlink(): void;
  /** How it travels to a successor; undefined where it cannot. */
  offer(): { record: ListenerRecord; descriptor: Descriptor } | undefined;
}

/** A listener made by the addon, here or in an earlier generation. */
export class DescriptorListener implements Listener {
  /** As configured. */
  readonly address: ListenAddress;
  /** Tells listeners with one requested address apart. */
  readonly index: number;
  readonly facts: SocketFacts;
  /** Of a UNIX path: what it made in the file system. */
  readonly file: FileIdentity | undefined;
  /** Whether a service manager keeps it as well: it ends there, and not here. */
  readonly #lent: boolean;
  #kept: Descriptor;
  /** For the first accept, which comes after byte 0, when nothing may fail any more. */
  #spare: Descriptor | undefined;
  #accepting: net.Server | undefined;
  #info: ListenerInfo | undefined;

  constructor(
    address: ListenAddress,
    index: number,
    descriptor: Descriptor,
    file?: FileIdentity,
    lent = false,
  ) {
    this.address = address;
    this.index = index;
    this.#kept = descriptor;
    this.#spare = descriptor.duplicate();
    this.facts = descriptor.inspect();
    this.file = file;
    this.#lent = lent;
  }

  get name(): string {
    return this.address.name;
  }

  /** The address the kernel bound, in the form of a `bind` URI. */
  get bound(): string {
    const { family, address, port } = this.facts;
    if (this.address.kind === 'unix') return this.#isElsewhere ? `unix:${address}` : this.address.requested;
    return family === 'inet6' ? `tcp://[${address}]:${port}` : `tcp://${address}:${port}`;
  }

  /** Claimed by its name: a service manager has bound it to another path. */
  get #isElsewhere(): boolean {
    return this.#lent && this.address.kind === 'unix' && this.facts.address !== this.address.path;
  }

  get info(): ListenerInfo {
    this.#info ??= Object.freeze({
      name: this.name,
      bound: this.bound,
      kind: this.address.kind,
      address: this.address.kind === 'unix' && !this.#isElsewhere ? this.address.path : this.facts.address,
      port: this.facts.port,
    });
    return this.#info;
  }

  get accepting(): boolean {
    return this.#accepting !== undefined;
  }

  get open(): boolean {
    return this.#kept.fd !== -1;
  }

  offer(): { record: ListenerRecord; descriptor: Descriptor } {
    const record: ListenerRecord = {
      kind: 'listener',
      requested: this.address.requested,
      index: this.index,
      bound: this.bound,
      family: this.facts.family as ListenerRecord['family'],
      type: 'stream',
      backlog: this.address.backlog,
    };
    if (this.name !== this.address.requested) record.name = this.name;
    if (this.file !== undefined) record.file = this.file;
    if (this.#lent) record.lent = true;
    return { record, descriptor: this.#kept };
  }

  accept(onConnection: OnConnection, onError: (error: Error) => void): void {
    if (this.#accepting !== undefined) return;
    const server = net.createServer(SOCKET_OPTIONS, (socket) => onConnection(socket, this));
    server.on('error', (error) => {
      // The kernel would not watch it: it may be tried again.
      if (!server.listening && this.#accepting === server) this.#accepting = undefined;
      onError(error);
    });
    // The positional backlog: the option of that name is ignored next to a descriptor (measured).
    const duplicate = this.#spare ?? this.#kept.duplicate();
    this.#spare = undefined;
    server.listen({ fd: duplicate.release() }, this.address.backlog);
    this.#accepting = server;
  }

  pause(): void {
    this.#accepting?.close();
    this.#accepting = undefined;
  }

  /** Accepts what waits in the queue, without starting to listen. */
  acceptQueued(onConnection: OnConnection): void {
    for (let queued = this.#kept.accept(); queued !== null; queued = this.#kept.accept()) {
      onConnection(new net.Socket({ ...SOCKET_OPTIONS, fd: queued.release() }), this);
    }
  }

  end(onConnection: OnConnection): void {
    if (!this.open) return;
    this.pause();
    // A UNIX listener that is shut down still gives what was queued, so nothing can slip in between; TCP resets it.
    if (this.address.kind === 'unix' && !this.#lent) this.#kept.shutdown();
    this.acceptQueued(onConnection);
    if (this.address.kind === 'tcp' && !this.#lent) this.#kept.shutdown();
    this.unlink();
    this.drop();
  }

  drop(): void {
    this.pause();
    this.#spare?.close();
    this.#kept.close();
  }

  /** Gives the path the configured mode: that of an earlier version may have been another. */
  adjustMode(): void {
    const path = this.#path();
    if (path !== undefined && this.address.kind === 'unix' && this.address.mode !== null) {
      chmodSync(path, this.address.mode);
    }
  }

  unlink(): void {
    const path = this.#path();
    if (path !== undefined) unlinkSync(path);
  }

  /** Of a UNIX path that still leads here. */
  #path(): string | undefined {
    const { address, file } = this;
    if (file === undefined || address.kind !== 'unix') return undefined;
    const found = fileAt(address.path);
    return found?.device === file.device && found.inode === file.inode ? address.path : undefined;
  }
}

/** Checks that an inherited descriptor is what its record says, then makes a listener of it. Throws HANDOVER_PROTOCOL. */
export function adoptListener(
  address: ListenAddress,
  index: number,
  record: ListenerRecord,
  descriptor: Descriptor,
): DescriptorListener {
  const families = address.kind === 'unix' ? ['unix'] : ['inet', 'inet6'];
  const facts = inspect(descriptor);
  if (facts?.type !== 'stream' || !facts.listening || !families.includes(facts.family)) {
    const found =
      facts === undefined
        ? 'no socket'
        : `${facts.family}, ${facts.type}, ${facts.listening ? 'listening' : 'not listening'}`;
    throw new UninterruptibleError(
      'UNINTERRUPTIBLE_HANDOVER_PROTOCOL',
      `The descriptor offered for ${record.requested} is not a listening ${address.kind} socket (${found}).`,
    );
  }
  const { lent = false } = record;
  const isPath = address.kind === 'unix' && !address.abstract;
  const file = isPath && !lent ? (record.file ?? fileAt(address.path)) : undefined;
  return new DescriptorListener(address, index, descriptor, file, lent);
}

/** undefined: it is not even a socket. */
function inspect(descriptor: Descriptor): SocketFacts | undefined {
  try {
    return descriptor.inspect();
  } catch {
    return undefined;
  }
}

export function fileAt(path: string): FileIdentity | undefined {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && { device: String(stats.dev), inode: String(stats.ino) };
}
