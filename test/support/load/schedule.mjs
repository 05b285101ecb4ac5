// The open loop: connection n is due at n / rate, whatever became of those before it. Late ones are made up for, and how
// late the latest was is kept (`maxLag`): that is this process's own fault, not the server's.

/** At most so many in one turn of the event loop, so that after a lag answers are read between two batches. */
const BATCH = 64;

/** How long after `duration` what is overdue may still be made up for. */
const OVERTIME = 1000;

export class Schedule {
  launched = 0;
  maxLag = 0;
  startedAt = performance.now();
  #perMillisecond;
  #total;
  #duration;
  #launch;
  #onEnd;
  #next;
  #endedAt;

  constructor({ rate, duration = Infinity }, launch, onEnd) {
    this.#perMillisecond = rate / 1000;
    this.#duration = duration;
    this.#total = Number.isFinite(duration) ? Math.ceil(duration * this.#perMillisecond) : Infinity;
    this.#launch = launch;
    this.#onEnd = onEnd;
    this.#turn();
  }

  /** Milliseconds for which connections were, or have been, made. */
  get elapsed() {
    return (this.#endedAt ?? performance.now()) - this.startedAt;
  }

  stop() {
    if (this.#endedAt !== undefined) return;
    this.#endedAt = performance.now();
    clearTimeout(this.#next);
    this.#onEnd();
  }

  #turn = () => {
    if (this.#endedAt !== undefined) return;
    const elapsed = performance.now() - this.startedAt;
    const due =
      this.#perMillisecond === 0 ? 0 : Math.min(this.#total, Math.floor(elapsed * this.#perMillisecond) + 1);
    const until = Math.min(due, this.launched + BATCH);
    while (this.launched < until) this.#launchOne();
    const isLate = this.launched < due;
    if (elapsed >= this.#duration && (!isLate || elapsed >= this.#duration + OVERTIME)) this.stop();
    else if (isLate) setImmediate(this.#turn);
    else this.#next = setTimeout(this.#turn, 1);
  };

  #launchOne() {
    const intendedAt =
      this.startedAt + (this.#perMillisecond === 0 ? 0 : this.launched / this.#perMillisecond);
    this.maxLag = Math.max(this.maxLag, performance.now() - intendedAt);
    this.launched += 1;
    this.#launch(this.launched, intendedAt);
  }
}
