/** A process that drains after it gave the service away, as its owner sees it: what is left of it, and when it is gone. */
import { type Channel, closeAll } from './channel.js';
import { type Remainder, WAITS } from './protocol.js';

export class DrainingPeer {
  readonly channel: Channel;
  readonly pid: number;
  readonly generation: number;
  #left: Remainder;
  /** Resolves when it has left, said so or not. */
  readonly gone: Promise<void>;
  /** Whether it said that it leaves, or at least that it holds no duplicates any more. */
  leftByItself = false;
  #acknowledged: (() => void) | undefined;

  constructor(channel: Channel, facts: { pid: number; generation: number } & Remainder) {
    this.channel = channel;
    this.pid = facts.pid;
    this.generation = facts.generation;
    this.#left = facts;
    this.gone = this.#follow();
  }

  /** What was left of it as of its last report. */
  get left(): Remainder {
    return this.#left;
  }

  /** Tells it to drop its duplicates of the listeners. Resolves when it has, at most a second later. */
  async bye(): Promise<void> {
    if (this.channel.closed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, WAITS.farewell);
      this.#acknowledged = () => {
        clearTimeout(timer);
        resolve();
      };
      this.channel.send({ type: 'bye' });
    });
    this.#acknowledged = undefined;
  }

  async #follow(): Promise<void> {
    try {
      for (;;) {
        const { message, descriptors } = await this.channel.receive(null);
        closeAll(descriptors);
        if (message.type === 'draining') this.#left = message;
        else if (message.type === 'received') {
          this.leftByItself = true;
          this.#acknowledged?.();
        } else if (message.type === 'gone') {
          this.leftByItself = true;
          break;
        }
      }
    } catch {
      // It died, or the connection broke: either way there is nothing more to know about it.
    }
    this.#left = { connections: 0 };
    this.#acknowledged?.();
    this.channel.close();
  }
}
