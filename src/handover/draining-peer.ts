/** A process that drains after it gave the service away, as its owner sees it: what is left of it, and when it is gone. */
import { type Channel, closeAll } from './channel.js';
import { type Draining, WAITS } from './protocol.js';

/** What is known of it when it begins. */
export interface DrainingFacts {
  pid: number;
  generation: number;
  connections: number;
  /** What it can do beyond the version. */
  features?: readonly string[];
}

export class DrainingPeer {
  readonly channel: Channel;
  readonly pid: number;
  readonly generation: number;
  /** Open connections, as of its last report. */
  connections: number;
  /** Until when it stays behind at least, able to serve again; null: it did not say. In ms since the epoch. */
  rollbackUntil: number | null = null;
  /** When it cuts what it still has; null: never, or it did not say. In ms since the epoch. */
  deadline: number | null = null;
  readonly features: readonly string[];
  /** When it left, in ms since the epoch. */
  goneAt: number | undefined;
  /** Resolves when it has left, said so or not. */
  readonly gone: Promise<void>;
  /** Whether it said that it leaves, or at least that it holds no duplicates any more. */
  leftByItself = false;
  #acknowledged: (() => void) | undefined;
  #onRefusal: ((reason: string) => void) | undefined;

  constructor(channel: Channel, facts: DrainingFacts) {
    this.channel = channel;
    this.pid = facts.pid;
    this.generation = facts.generation;
    this.connections = facts.connections;
    this.features = facts.features ?? [];
    this.gone = this.#follow();
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

  /** Asks it to take the service back, by a take-over with this token. What it has against that is called back. */
  takeBack(token: string, onRefusal: (reason: string) => void): void {
    this.#onRefusal = onRefusal;
    this.channel.send({ type: 'take-back', token });
  }

  #heard({ connections, rollback, deadline }: Draining): void {
    this.connections = connections;
    if (rollback !== undefined) this.rollbackUntil = Date.now() + rollback;
    if (deadline !== undefined) this.deadline = Date.now() + deadline;
  }

  async #follow(): Promise<void> {
    try {
      for (;;) {
        const { message, descriptors } = await this.channel.receive(null);
        closeAll(descriptors);
        if (message.type === 'draining') this.#heard(message);
        else if (message.type === 'failed') this.#onRefusal?.(message.message);
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
    this.connections = 0;
    this.goneAt = Date.now();
    this.#acknowledged?.();
    this.channel.close();
  }
}
