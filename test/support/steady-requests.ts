/**
 * Clients that come at a steady pace, ask one thing and expect the answer: few, so that many tests can run at once. What
 * is lost names the client's port, by which the fixture says what it had accepted.
 */
import type { Socket } from 'node:net';
import { oneRequest } from './one-request.js';

const INTERVAL = 20;
const QUESTION = 'steady';

interface Lost {
  /** 0 when it was not even connected. */
  port: number;
  why: string;
}

export class SteadyRequests {
  answered = 0;
  readonly lost: Lost[] = [];
  readonly #port: number;
  readonly #timer: NodeJS.Timeout;
  readonly #open = new Set<Socket>();
  #emptied: (() => void) | undefined;
  #countedFrom = 0;

  constructor(port: number) {
    this.#port = port;
    this.#timer = setInterval(() => this.#request(), INTERVAL);
  }

  /** Resolves when everybody who came has been answered or cut; whoever waits longer than this is lost too. */
  async end(patience: number): Promise<void> {
    clearInterval(this.#timer);
    if (this.#open.size === 0) return;
    const timer = setTimeout(() => this.abandon('unanswered'), patience);
    await new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    clearTimeout(timer);
  }

  /** Who came before now does not count as lost. */
  pardon(): void {
    this.#countedFrom = performance.now();
    this.lost.splice(0);
  }

  abandon(why = 'abandoned'): void {
    clearInterval(this.#timer);
    for (const socket of this.#open) socket.destroy(new Error(why));
  }

  #request(): void {
    const startedAt = performance.now();
    const socket = oneRequest(this.#port, QUESTION, ({ answer, port, why }) => {
      if (/^steady \d+\n$/.test(answer)) this.answered += 1;
      else if (startedAt >= this.#countedFrom) this.lost.push({ port, why });
      this.#open.delete(socket);
      if (this.#open.size === 0) this.#emptied?.();
    });
    this.#open.add(socket);
  }
}
