/**
 * Clients that come at a steady rate, whatever became of those before them: each asks one line, expects the answer and
 * closes. Whoever is lost is known by the port, by which the servers say whom they have accepted.
 */
import type { Socket } from 'node:net';
import { oneRequest } from '../support/one-request.js';

/** Longer than any process is stopped in a trial. */
const PATIENCE = 25_000;
/** Between two turns, in milliseconds: what is longer than this is our own lateness. */
const LONGEST_TURN = 100;

/** Times are milliseconds since the epoch. */
export interface Loss {
  /** 0 when it was not even connected. */
  port: number;
  why: string;
  /** When it was due. */
  dueAt: number;
  at: number;
}

export class Load {
  made = 0;
  answered = 0;
  readonly losses: Loss[] = [];
  /** The longest time without an answer, in milliseconds; less those in which this process did not run. */
  longestGap = 0;
  readonly #port: number;
  #rate: number;
  readonly #open = new Set<Socket>();
  #startedAt = 0;
  /** Since it was started last. */
  #due = 0;
  #lastTurn = 0;
  #sinceAnswer = 0;
  #timer: NodeJS.Timeout | undefined;
  #emptied: (() => void) | undefined;

  /** `rate` is connections per second. */
  constructor(port: number, rate: number) {
    this.#port = port;
    this.#rate = rate;
    this.start();
  }

  start(): void {
    this.#lastTurn = Date.now();
    this.#sinceAnswer = 0;
    this.#begin();
  }

  /** From now on so many come each second. */
  changeRate(rate: number): void {
    if (rate === this.#rate) return;
    this.#rate = rate;
    clearInterval(this.#timer);
    this.#begin();
  }

  /** Resolves when everybody has been answered or lost; whoever is still open after so many milliseconds is lost. */
  async stop(patience: number): Promise<void> {
    clearInterval(this.#timer);
    if (this.#open.size === 0) return;
    // In turns, so that whoever was answered while this process did not run is read first.
    let turns = patience / LONGEST_TURN;
    const timer = setInterval(() => {
      turns -= 1;
      if (turns <= 0) this.abandon('unanswered');
    }, LONGEST_TURN);
    await new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    clearInterval(timer);
  }

  abandon(why = 'abandoned'): void {
    clearInterval(this.#timer);
    for (const socket of this.#open) socket.destroy(new Error(why));
  }

  #begin(): void {
    this.#startedAt = Date.now();
    this.#due = 0;
    this.#timer = setInterval(() => this.#makeWhoIsDue(), Math.max(5, 1_000 / this.#rate));
  }

  #makeWhoIsDue(): void {
    const now = Date.now();
    this.#sinceAnswer += Math.min(now - this.#lastTurn, LONGEST_TURN);
    this.#lastTurn = now;
    const due = Math.floor(((now - this.#startedAt) * this.#rate) / 1_000);
    while (this.#due < due) {
      this.#due += 1;
      this.made += 1;
      this.#make(this.#startedAt + (this.#due * 1_000) / this.#rate);
    }
  }

  #make(dueAt: number): void {
    const socket = oneRequest(this.#port, 'load', ({ answer, port, why }) => {
      const at = Date.now();
      if (/^load \d+\n$/.test(answer)) {
        this.answered += 1;
        this.longestGap = Math.max(this.longestGap, this.#sinceAnswer);
        this.#sinceAnswer = 0;
      } else {
        this.losses.push({ port, why, dueAt, at });
      }
      this.#open.delete(socket);
      if (this.#open.size === 0) this.#emptied?.();
    });
    this.#open.add(socket);
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error('unanswered')));
  }
}
