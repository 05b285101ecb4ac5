// Every new connection of a run, for whoever wants to know when it was slow: kept in columns, written as JSON at the end.
import { writeFileSync } from 'node:fs';
import { toWallClock } from './clock.mjs';

export class Recording {
  #answered = { due: [], latency: [], pid: [] };
  #lost = { due: [], cause: [] };

  answered(due, latency, pid) {
    this.#answered.due.push(due);
    this.#answered.latency.push(latency);
    this.#answered.pid.push(pid);
  }

  lost(due, cause) {
    this.#lost.due.push(due);
    this.#lost.cause.push(cause);
  }

  write(path) {
    for (const columns of [this.#answered, this.#lost]) columns.due = columns.due.map(toWallClock);
    writeFileSync(path, JSON.stringify({ answered: this.#answered, lost: this.#lost }));
  }
}
