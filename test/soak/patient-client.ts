/** A client that comes again and again, one connection at a time, until it is told to stop. */
import { connect, type Socket } from 'node:net';
import type { Losses } from './losses.js';

/** So that a server that refuses is not asked in a busy loop. */
const PAUSE = 100;

export abstract class PatientClient {
  visits = 0;
  readonly #kind: string;
  readonly #port: number;
  readonly #losses: Losses;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #onEnd: (() => void) | undefined;

  constructor(kind: string, port: number, losses: Losses) {
    this.#kind = kind;
    this.#port = port;
    this.#losses = losses;
  }

  start(): this {
    this.#visit();
    return this;
  }

  /** Comes no more; resolves when the connection there is has closed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    if (this.#socket === undefined) return;
    const ended = new Promise<void>((resolve) => {
      this.#onEnd = resolve;
    });
    this.leave(this.#socket);
    await ended;
  }

  /** Uses the connection to its end, and calls back before it closes, or as it does, with what was missing. */
  protected abstract use(socket: Socket): (error: string | undefined) => string | undefined;

  /** Told to stop: ends what may be ended now. */
  protected abstract leave(socket: Socket): void;

  #visit(): void {
    const socket = connect(this.#port, '127.0.0.1');
    this.#socket = socket;
    this.visits += 1;
    let error: string | undefined;
    const judge = this.use(socket);
    socket.on('error', (failure) => {
      error = (failure as NodeJS.ErrnoException).code ?? failure.message;
    });
    socket.once('close', () => {
      const why = judge(error);
      if (why !== undefined) this.#losses.add({ kind: this.#kind, why, at: Date.now() });
      this.#socket = undefined;
      this.#onEnd?.();
      if (!this.#stopped) this.#timer = setTimeout(() => this.#visit(), why === undefined ? 0 : PAUSE);
    });
  }
}
