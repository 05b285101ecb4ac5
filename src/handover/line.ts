/**
 * A socket pair between a process and its child, for where there is no control path. Over it each side connects to the other:
 * it sends one end of a new connection. It carries nothing else, because whatever the child starts may inherit it and hold
 * it open for years, so that its end would tell nothing.
 */
import type { Binding, Descriptor } from '../binding.js';
import { Channel, closeAll } from './channel.js';
import { type Greeter, greet, MAX_SILENT } from './greeter.js';

export class Line {
  readonly #binding: Binding;
  #answering: Promise<void> | undefined;
  readonly #channel: Channel;
  /** Who was sent and has said nothing yet. */
  #silent = 0;

  /** Takes the descriptor over, also when it throws. */
  constructor(binding: Binding, descriptor: Descriptor) {
    this.#binding = binding;
    this.#channel = new Channel(binding, descriptor);
  }

  /** Whether the other side has left. While it has not, what is sent may yet be lost with it. */
  get over(): boolean {
    return this.#channel.over;
  }

  /** A new connection to the process at the other end. */
  connect(): Channel {
    const [ours, theirs] = this.#binding.socketPair('seqpacket');
    try {
      this.#channel.send({ type: 'connection', descriptors: 1 }, [theirs]);
      // The kernel names who made the pair, which is us: who is there says so itself, and is trusted as the line is.
      return new Channel(this.#binding, ours, { pid: 0, uid: this.#channel.peer.uid });
    } finally {
      theirs.close();
    }
  }

  /** Greets whoever connects from the other end, as long as that lives. */
  answer(greeter: Greeter): void {
    this.#answering ??= this.#answer(greeter);
  }

  async #answer(greeter: Greeter): Promise<void> {
    try {
      for (;;) {
        const { message, descriptors } = await this.#channel.receive(null);
        const [end] = descriptors;
        const isConnection = message.type === 'connection' && descriptors.length === 1;
        if (isConnection && end !== undefined && this.#silent < MAX_SILENT) this.#greet(end, greeter);
        else closeAll(descriptors);
      }
    } catch {
      this.close();
    }
  }

  #greet(end: Descriptor, greeter: Greeter): void {
    let channel: Channel;
    try {
      channel = new Channel(this.#binding, end);
    } catch (error) {
      // No end of a connection, or no descriptor is left to watch it with: the line stays for the next one.
      greeter.turnedAway(this.#channel.peer, (error as Error).message);
      return;
    }
    this.#silent += 1;
    void greet(channel, greeter).finally(() => {
      this.#silent -= 1;
    });
  }

  close(): void {
    this.#channel.close();
  }
}
