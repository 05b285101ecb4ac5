// Watches all processes of a stage: how much memory they have together, and when each was last seen alive.
import { readFileSync } from 'node:fs';
import { wallClock } from '../clock.mjs';

const INTERVAL = 25;
const PAGE = 4096;

export class ProcessWatch {
  #stage;
  #timer;
  #seen = new Map();
  #samples = [];

  constructor(stage) {
    this.#stage = stage;
    this.#timer = setInterval(() => this.#look(), INTERVAL);
    this.#look();
  }

  end() {
    this.#look();
    clearInterval(this.#timer);
  }

  /** Bytes resident of all together (what they share is counted in each), at most, within this span. */
  peak(from, until) {
    const sizes = this.#samples.filter(({ at }) => at >= from && at <= until).map(({ bytes }) => bytes);
    return sizes.length === 0 ? null : Math.max(...sizes);
  }

  /** When this process was found gone; null while it is there. */
  goneAt(pid) {
    return this.#seen.get(pid)?.goneAt ?? null;
  }

  #look() {
    const at = wallClock();
    const pids = this.#stage.processes();
    for (const pid of pids) if (!this.#seen.has(pid)) this.#seen.set(pid, { goneAt: null });
    const alive = new Set(pids);
    for (const [pid, state] of this.#seen) {
      if (!alive.has(pid)) state.goneAt ??= at;
    }
    this.#samples.push({ at, bytes: pids.reduce((sum, pid) => sum + residentBytes(pid), 0) });
  }
}

function residentBytes(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * PAGE;
  } catch {
    return 0; // it has just gone
  }
}
