/** The log of one process: every line bears its pid and generation. Which logger writes it is decided in `open-log.ts`. */
import type { Logger } from '../configuration.js';

/** Facts of one line, beside pid and generation. An `err` is printed with its stack and causes. */
export type Facts = Record<string, unknown>;

type Level = 'debug' | 'info' | 'warn' | 'error';

export class Log {
  readonly #logger: Logger;
  readonly #generation: () => number;
  /** Whether debug lines go anywhere: connections are too many to build lines nobody reads. */
  readonly debugging: boolean;
  /** Waits until what was logged has been written, or cannot be. For the end of the process. */
  readonly flush: () => Promise<void>;
  /** Opens the log file anew, after somebody moved it away. */
  readonly reopen: () => void;
  /** The same, if somebody did: for moments in which the word to reopen it may have missed this process. */
  readonly keepUp: () => void;

  constructor(
    logger: Logger,
    generation: () => number,
    options: {
      debugging: boolean;
      flush?: () => Promise<void>;
      reopen?: () => void;
      keepUp?: () => void;
    },
  ) {
    this.#logger = logger;
    this.#generation = generation;
    this.debugging = options.debugging;
    this.flush = options.flush ?? (() => Promise.resolve());
    this.reopen = options.reopen ?? (() => undefined);
    this.keepUp = options.keepUp ?? (() => undefined);
  }

  debug(message: string, facts?: Facts): void {
    if (this.debugging) this.#write('debug', message, facts);
  }

  info(message: string, facts?: Facts): void {
    this.#write('info', message, facts);
  }

  warn(message: string, facts?: Facts): void {
    this.#write('warn', message, facts);
  }

  error(message: string, facts?: Facts): void {
    this.#write('error', message, facts);
  }

  #write(level: Level, message: string, facts: Facts = {}): void {
    try {
      this.#logger[level]({ pid: process.pid, generation: this.#generation(), ...facts }, message);
    } catch {
      // A logger of the user's that throws, a full disk, a closed pipe: never a reason to stop serving.
    }
  }
}
