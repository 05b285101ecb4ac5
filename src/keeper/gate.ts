/** Stands where a server has what accepts and counts connections. Here another process does both, and is the one thing counted. */
import type { Gate } from '../connections/acceptor.js';
import type { Tracker } from '../connections/connection-tracker.js';
import type { Listener } from '../listeners/listener.js';
import type { WatchedProcess } from '../process/watched-process.js';
import { KeptListener } from './kept-listener.js';

export class KeptGate implements Gate {
  /** Whether the program is to accept. */
  isOpen = false;
  #listeners: readonly KeptListener[] = [];

  get listeners(): readonly KeptListener[] {
    return this.#listeners;
  }

  set listeners(listeners: readonly Listener[]) {
    this.#listeners = listeners.map((listener) => new KeptListener(listener));
  }

  accept(): void {
    this.isOpen = true;
    for (const listener of this.#listeners) listener.accept();
  }

  pause(): void {
    this.isOpen = false;
    for (const listener of this.#listeners) listener.pause();
  }

  end(listeners: readonly Listener[] = this.#listeners): void {
    for (const listener of listeners) listener.end(() => undefined);
  }

  /** Only for who serves again. */
  replace(): void {
    throw new TypeError('A keeper does not serve again.');
  }
}

/** Its drain is the end of the program. */
export class ProgramTracker implements Tracker {
  readonly total = 0;
  readonly idle = 0;
  readonly oldest = undefined;
  readonly #program: WatchedProcess;
  readonly #gate: KeptGate;

  constructor(program: WatchedProcess, gate: KeptGate) {
    this.#program = program;
    this.#gate = gate;
  }

  /** What is left of a drain. How many connections the program has nobody here knows. */
  get active(): number {
    return !this.#gate.isOpen && this.#program.alive ? 1 : 0;
  }

  announceDrain(): void {
    this.#program.signal('SIGTERM');
  }

  whenEmpty(): Promise<void> {
    return this.#program.gone;
  }

  destroyAll(): number {
    const { active } = this;
    this.#program.signal('SIGKILL');
    return active;
  }

  resume(): void {
    throw new TypeError('A keeper does not serve again.');
  }
}
