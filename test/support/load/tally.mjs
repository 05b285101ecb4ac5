// Counts what became of the new connections: answered and by whom, lost and why.
import { toWallClock } from './clock.mjs';
import { Latency } from './latency.mjs';

const DETAILED_LOSSES = 100;

export class Tally {
  answers = 0;
  losses = [];
  lostCount = 0;
  lostByCause = {};
  latency = new Latency();
  #pids = new Map();
  #recording;

  constructor(recording) {
    this.#recording = recording;
  }

  answered(pid, at, latency) {
    this.answers += 1;
    this.latency.record(latency);
    this.#recording?.answered(at - latency, latency, pid);
    if (pid === 0) return;
    const entry = this.#pids.get(pid);
    if (entry === undefined) this.#pids.set(pid, { count: 1, first: at, last: at });
    else {
      entry.count += 1;
      entry.first = Math.min(entry.first, at);
      entry.last = Math.max(entry.last, at);
    }
  }

  lost({ startedAt, ...loss }) {
    this.lostCount += 1;
    this.#recording?.lost(startedAt, loss.cause);
    this.lostByCause[loss.cause] = (this.lostByCause[loss.cause] ?? 0) + 1;
    if (this.losses.length >= DETAILED_LOSSES) return;
    this.losses.push({ ...loss, startedAt: toWallClock(startedAt), lostAt: toWallClock(performance.now()) });
  }

  /** Who answered how many, with the wall-clock time of the first and last answer. */
  pids() {
    const entries = [...this.#pids].map(([pid, { count, first, last }]) => [
      pid,
      { count, first: toWallClock(first), last: toWallClock(last) },
    ]);
    return Object.fromEntries(entries);
  }
}
