/** A process that drains after it gave the service away, as its owner sees it: what is left of it, and when it is gone. */
import { type Channel, closeAll } from './channel.js';
import { type Books, type Counters, type Remainder, WAITS } from './protocol.js';

/** What is known of it when it begins. */
export interface DrainingFacts extends Remainder {
  pid: number;
  generation: number;
  /** What it can do beyond the version. */
  features?: readonly string[];
  /** The name of its account; undefined: it tells nobody what it counts. */
  process?: string | undefined;
}

export class DrainingPeer {
  readonly channel: Channel;
  readonly pid: number;
  readonly generation: number;
  readonly features: readonly string[];
  readonly process: string | undefined;
  /** Since when we follow it, on the monotonic clock. */
  readonly since: number = performance.now();
  /** What it has counted so far, as it told last. */
  counters: Counters;
  /** Called when that has changed. */
  onCounted: (() => void) | undefined;
  /** Whether it tells the owner after us how far it is, or will. */
  movedOn = false;
  #left: Remainder;
  /** When that came, in ms since the epoch. */
  #reportedAt = Date.now();
  /** When it left, in ms since the epoch. */
  goneAt: number | undefined;
  /** Resolves at its first report, by which it knows who is the owner; or when it has left. */
  readonly heardOf: Promise<void>;
  #wasHeard: () => void = () => undefined;
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
    this.features = facts.features ?? [];
    this.process = facts.process;
    this.counters = facts.counters ?? {};
    this.#left = facts;
    this.heardOf = new Promise((resolve) => {
      this.#wasHeard = resolve;
    });
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
      const timer = setTimeout(() => {
        this.movedOn = true;
        resolve();
      }, WAITS.farewell);
      this.#acknowledged = () => {
        clearTimeout(timer);
        resolve();
      };
      this.channel.send({ type: 'bye' });
    });
    this.#acknowledged = undefined;
  }

  /** Asks it to take the service back, by a take-over with this token. What it has against that is called back. */
  orderRollback(token: string, onRefusal: (reason: string) => void): void {
    this.#onRefusal = onRefusal;
    this.channel.send({ type: 'take-back', token });
  }

  /** Tells it to cut what it still has. False if it would not understand that. */
  hurry(): boolean {
    if (!this.features.includes('hurry')) return false;
    this.channel.send({ type: 'hurry' });
    return true;
  }

  /** Tells it to open its log anew, if it understands that. */
  reopenLog(): void {
    if (this.features.includes('reopen-log')) this.channel.send({ type: 'reopen-log' });
  }

  /** Tells it what was counted, if it understands that: should it serve again, it must not say less. */
  tell(books: Books): void {
    if (this.features.includes('counters')) this.channel.report({ type: 'counted', books });
  }

  /** Until when it stays at least, able to serve again; null: it did not say. In ms since the epoch. */
  get rollbackUntil(): number | null {
    return this.#at(this.#left.rollback);
  }

  /** When it cuts what it still has; null: never, or it did not say. In ms since the epoch. */
  get deadline(): number | null {
    return this.#at(this.#left.deadline);
  }

  #at(milliseconds: number | undefined): number | null {
    return milliseconds === undefined ? null : this.#reportedAt + milliseconds;
  }

  #heard(left: Remainder): void {
    this.#left = left;
    this.#reportedAt = Date.now();
    this.#wasHeard();
    this.#counted(left.counters);
  }

  #counted(counters: Counters | undefined): void {
    if (counters === undefined) return;
    this.counters = counters;
    this.onCounted?.();
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
          this.movedOn = message.counters === undefined;
          this.#counted(message.counters);
          this.#acknowledged?.();
        } else if (message.type === 'gone') {
          this.leftByItself = true;
          this.#counted(message.counters);
          break;
        }
      }
    } catch {
      // It died, or the connection broke: either way there is nothing more to know about it.
    }
    this.#left = { connections: 0 };
    this.goneAt = Date.now();
    this.#wasHeard();
    this.#acknowledged?.();
    this.channel.close();
  }
}
