// What is under way, oldest first, and the time each may take. One timer for all of it.

const SWEEP_INTERVAL = 50;

/** When this process itself stood still for so long, answers may lie unread: reading them comes before judging. */
const STANDSTILL = 500;

export class Pending {
  #timeout;
  #entries = new Set();
  #timer;
  #sweptAt = performance.now();
  #notBefore = 0;
  #whenEmpty = () => {};

  constructor(timeout) {
    this.#timeout = timeout;
    this.#timer = setInterval(() => this.#sweep(), SWEEP_INTERVAL);
  }

  /** `entry` has `startedAt`, not earlier than those before it, and `expire()`. */
  add(entry) {
    this.#entries.add(entry);
  }

  delete(entry) {
    this.#entries.delete(entry);
    if (this.#entries.size === 0) this.#whenEmpty();
  }

  /** Resolves when nothing is under way any more; takes no new entries after that. */
  async emptied() {
    if (this.#entries.size > 0) await new Promise((resolve) => (this.#whenEmpty = resolve));
    clearInterval(this.#timer);
  }

  #sweep() {
    const now = performance.now();
    if (now - this.#sweptAt > STANDSTILL) this.#notBefore = now + STANDSTILL;
    this.#sweptAt = now;
    if (now < this.#notBefore) return;
    for (const entry of this.#entries) {
      if (now - entry.startedAt < this.#timeout) break;
      entry.expire();
    }
  }
}
