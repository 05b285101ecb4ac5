/**
 * A conversation with one peer over a SEQPACKET socket: messages in, messages out, in order, bounded.
 * Never throws for what the peer does: `receive()` rejects and the channel is over.
 */
import type { Binding, ControlSocket, Descriptor, Packet, PeerCredentials } from '../binding.js';
import { protocolChannel } from '../diagnostics.js';
import { UninterruptibleError } from '../errors.js';
import { decodePacket, encodePacket, nonsense } from './packet.js';
import { MAX_PACKET_BYTES, type Message, WAITS } from './protocol.js';

/** A message and the descriptors that came with it; whoever receives it owns them. */
export interface Incoming {
  message: Message;
  descriptors: Descriptor[];
}

/** Packets that may wait unread here before the kernel's queue is left to fill. */
const MAX_UNREAD = 32;
/** Packets that may wait unsent; a peer that lets more pile up does not read. */
const MAX_UNSENT = 64;
/** A packet after a receive error may still come (the peer's last word); so many errors in a row end it. */
const MAX_RECEIVE_ERRORS = 8;

interface Waiter {
  resolve: (incoming: Incoming) => void;
  reject: (error: Error) => void;
}

export class Channel {
  readonly peer: PeerCredentials;
  readonly #socket: ControlSocket;
  readonly #unread: Incoming[] = [];
  readonly #unsent: { data: Uint8Array; descriptors: Descriptor[] }[] = [];
  /** A progress report that found the queue full; a later one replaces it. */
  #report: Message | undefined;
  #waiter: Waiter | undefined;
  /** Why nothing more will come. */
  #over: UninterruptibleError | undefined;
  /** Set when only what is unsent keeps this end open. */
  #finishing: NodeJS.Timeout | undefined;
  #closed = false;

  /** Takes the descriptor over, and closes it if it throws. `known` is what is known better of the peer than the kernel does. */
  constructor(binding: Binding, descriptor: Descriptor, known: Partial<PeerCredentials> = {}) {
    let socket: ControlSocket | undefined;
    try {
      socket = new binding.ControlSocket(descriptor, (readable, writable) => {
        if (readable) this.#read();
        if (writable) this.#flush();
      });
      this.#socket = socket;
      this.peer = { ...socket.peerCredentials(), ...known };
      this.#watch();
    } catch (error) {
      socket?.close();
      descriptor.close();
      throw error;
    }
  }

  /** Connects to a control path. Throws ECONNREFUSED, ENOENT, EAGAIN, … as the addon does. */
  static connect(binding: Binding, path: string): Channel {
    return new Channel(binding, binding.connectUnix(path, 'seqpacket'));
  }

  /** Looks at the socket now; a waiting `receive` gets what is there. */
  poll(): void {
    if (this.#over === undefined && !this.#closed) this.#read();
  }

  /** Whether the peer has left or broken a rule; what it said before can still be received. */
  get over(): boolean {
    this.poll();
    return this.#over !== undefined || this.#closed;
  }

  /** Whether something has come that nobody has taken. */
  get unread(): boolean {
    this.poll();
    return this.#unread.length > 0;
  }

  /** Whether somebody waits for the next message. */
  get awaited(): boolean {
    return this.#waiter !== undefined;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Queues a message. That it was delivered is not promised: only an answer proves it. The descriptors stay the
   * caller's. A peer that has left is noticed by `receive()`, after its last words.
   */
  send(message: Message, descriptors: readonly Descriptor[] = []): void {
    if (this.#closed) return;
    const attached = descriptors.length > 0 ? { ...message, descriptors: descriptors.length } : message;
    const data = encodePacket(attached);
    if (this.#unsent.length === 0 && this.#trySend(data, descriptors)) {
      this.#trace('sent', message);
      return;
    }
    if (this.#unsent.length >= MAX_UNSENT) {
      this.#end(closed('The peer does not read.'));
      return;
    }
    this.#unsent.push({ data, descriptors: descriptors.map((descriptor) => descriptor.duplicate()) });
    this.#watch();
  }

  /** Sends the last message, and closes when everything has gone out; after a second if the peer does not read. */
  finish(message: Message): void {
    this.send(message);
    if (this.#unsent.length === 0) this.close();
    else this.#finishing = setTimeout(() => this.close(), WAITS.farewell).unref();
  }

  /** Sends a progress report if the peer reads; otherwise the latest one goes when it does again. */
  report(message: Message): void {
    if (this.#closed) return;
    if (this.#unsent.length > 0 || !this.#trySend(encodePacket(message), [])) {
      this.#report = message;
      this.#watch();
    }
  }

  /**
   * The next message. Rejects with HANDOVER_TIMEOUT after `timeout` ms (null: waits for ever and does not keep the
   * process alive), HANDOVER_CLOSED when the peer left, HANDOVER_PROTOCOL when it broke a rule, or with the signal's
   * reason. One reader at a time.
   */
  receive(timeout: number | null, signal?: AbortSignal): Promise<Incoming> {
    const ready = this.#unread.shift();
    if (ready !== undefined) {
      this.#watch();
      return Promise.resolve(ready);
    }
    if (this.#over !== undefined) return Promise.reject(this.#over);
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    if (this.#waiter !== undefined) throw new TypeError('A channel has one reader at a time.');
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#waiter = undefined;
      };
      const waiter: Waiter = {
        resolve: (incoming) => {
          settle();
          resolve(incoming);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      const onAbort = (): void => waiter.reject(signal?.reason as Error);
      const timer =
        timeout === null
          ? undefined
          : setTimeout(() => {
              // After a long stop (SIGSTOP) the timer runs before the socket is looked at: its word counts first.
              this.#read();
              if (this.#waiter === waiter) waiter.reject(timedOut(timeout));
            }, timeout);
      signal?.addEventListener('abort', onAbort);
      this.#waiter = waiter;
      this.#watch();
    });
  }

  /** Closes this end. What was sent can still be read by the peer; what is unread here is closed. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#finishing);
    this.#socket.close();
    for (const { descriptors } of this.#unread.splice(0)) closeAll(descriptors);
    for (const { descriptors } of this.#unsent.splice(0)) closeAll(descriptors);
    this.#over ??= closed('The channel was closed on this side.');
    this.#waiter?.reject(this.#over);
  }

  #watch(): void {
    if (this.#closed) return;
    const wantsRead = this.#over === undefined && this.#unread.length < MAX_UNREAD;
    this.#socket.watch(
      wantsRead,
      this.#over === undefined && (this.#unsent.length > 0 || this.#report !== undefined),
    );
  }

  #trySend(data: Uint8Array, descriptors: readonly Descriptor[]): boolean {
    try {
      return this.#socket.send(data, descriptors);
    } catch (error) {
      // The peer is gone, but its last word may still be unread: the end is judged by receiving only (measured).
      if (['EPIPE', 'ECONNRESET', 'ENOTCONN'].includes((error as NodeJS.ErrnoException).code ?? '')) {
        return true;
      }
      this.#end(closed('A packet could not be sent.', error));
      return true;
    }
  }

  #flush(): void {
    while (this.#unsent[0] !== undefined) {
      const { data, descriptors } = this.#unsent[0];
      if (!this.#trySend(data, descriptors)) return;
      closeAll(descriptors);
      this.#unsent.shift();
    }
    if (this.#finishing !== undefined) {
      this.close();
      return;
    }
    if (this.#report !== undefined && this.#trySend(encodePacket(this.#report), [])) this.#report = undefined;
    this.#watch();
  }

  #read(): void {
    let errors = 0;
    while (this.#over === undefined && !this.#closed && this.#unread.length < MAX_UNREAD) {
      let packet: ReturnType<ControlSocket['receive']>;
      try {
        packet = this.#socket.receive(MAX_PACKET_BYTES);
      } catch (error) {
        // ECONNRESET comes before the last word of a peer that closed with our packet unread (measured): read on.
        errors += 1;
        if (errors >= MAX_RECEIVE_ERRORS) this.#end(closed('The connection to the peer broke.', error));
        continue;
      }
      if (packet === null) break;
      if (packet.kind === 'end') this.#end(closed('The peer closed the connection.'));
      else if (packet.kind === 'empty') this.#end(nonsense('an empty packet'));
      else this.#accept(packet);
    }
    this.#watch();
  }

  #accept(packet: Packet): void {
    let message: Message;
    try {
      if (packet.dataTruncated) throw nonsense(`a packet of more than ${MAX_PACKET_BYTES} bytes`);
      if (packet.descriptorsTruncated) throw nonsense('descriptors that this process has no room for');
      message = decodePacket(packet.data, packet.descriptors.length);
    } catch (error) {
      closeAll(packet.descriptors);
      this.#end(error as UninterruptibleError);
      return;
    }
    const incoming = { message, descriptors: packet.descriptors };
    this.#trace('received', message);
    if (this.#waiter !== undefined) this.#waiter.resolve(incoming);
    else this.#unread.push(incoming);
  }

  /** Nothing more will come; what came before is still read first. */
  #end(reason: UninterruptibleError): void {
    if (this.#over !== undefined) return;
    this.#over = reason;
    this.#watch();
    this.#waiter?.reject(reason);
  }

  #trace(direction: 'sent' | 'received', { type }: Message): void {
    if (!protocolChannel.hasSubscribers) return;
    protocolChannel.publish({ direction, type, peer: this.peer.pid, channel: this });
  }
}

export function closeAll(descriptors: readonly Descriptor[]): void {
  for (const descriptor of descriptors) descriptor.close();
}

function closed(message: string, cause?: unknown): UninterruptibleError {
  return new UninterruptibleError(
    'UNINTERRUPTIBLE_HANDOVER_CLOSED',
    message,
    cause === undefined ? {} : { cause },
  );
}

/** Whether the peer only did not say anything in time. */
export function isTimeout(error: unknown): boolean {
  return error instanceof UninterruptibleError && error.code === 'UNINTERRUPTIBLE_HANDOVER_TIMEOUT';
}

function timedOut(timeout: number): UninterruptibleError {
  return new UninterruptibleError(
    'UNINTERRUPTIBLE_HANDOVER_TIMEOUT',
    `The peer did not answer within ${timeout} ms.`,
  );
}
