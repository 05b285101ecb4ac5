/** A peer of a control socket that keeps no rule: it sends any bytes and any descriptors, and sees when it is dropped. */
import type { Binding, ControlSocket, Descriptor } from '../../src/binding.js';
import { loadBinding } from '../../src/binding.js';

export function binding(): Binding {
  const loaded = loadBinding();
  if ('unavailable' in loaded) throw new Error(loaded.unavailable);
  return loaded.binding;
}

export class ControlPeer {
  readonly #socket: ControlSocket;
  /** Messages that came, parsed. */
  readonly messages: { type?: string; [field: string]: unknown }[] = [];
  /** Resolves when the other side has closed the connection. */
  readonly dropped: Promise<void>;
  #onDropped: () => void = () => undefined;

  /** Throws EAGAIN when the queue of the path is full. */
  constructor(path: string) {
    this.dropped = new Promise((resolve) => {
      this.#onDropped = resolve;
    });
    this.#socket = new (binding().ControlSocket)(binding().connectUnix(path, 'seqpacket'), () =>
      this.#read(),
    );
    this.#socket.ref();
    this.#socket.watch(true, false);
  }

  /** Bytes as they are, a message as JSON. false when the queue is full. */
  send(packet: Uint8Array | string | object, descriptors: readonly Descriptor[] = []): boolean {
    const isBytes = packet instanceof Uint8Array || typeof packet === 'string';
    return this.#socket.send(Buffer.from(isBytes ? packet : JSON.stringify(packet)), descriptors);
  }

  /** Stops reading, but stays. */
  ignore(): void {
    this.#socket.watch(false, false);
  }

  close(): void {
    this.#socket.close();
    this.#onDropped();
  }

  #read(): void {
    for (;;) {
      let packet: ReturnType<ControlSocket['receive']>;
      try {
        packet = this.#socket.receive(65_536);
      } catch {
        // ECONNRESET: it closed with something of ours unread. What it said before may follow.
        continue;
      }
      if (packet === null) return;
      if (packet.kind !== 'packet') {
        this.close();
        return;
      }
      for (const descriptor of packet.descriptors) descriptor.close();
      this.messages.push(JSON.parse(Buffer.from(packet.data).toString()) as { type?: string });
    }
  }
}
