// The connections that stay: each asks a line every `interval` and expects its answer. One that the server cuts is counted
// (with a question out, or idle) and opened again, so that the next restart meets it too.
import { LongLivedConnection } from './long-lived-connection.mjs';
import { LongLivedCounts } from './long-lived-counts.mjs';

export class LongLived {
  counts = new LongLivedCounts();
  #connections;

  constructor(run, { count, interval, holdFor }) {
    this.#connections = Array.from({ length: count }, (_, index) => {
      const timing = { interval, holdFor, offset: index / count };
      return new LongLivedConnection(run, `${run.id}-L${index + 1}`, timing, this.counts);
    });
  }

  async opened() {
    await Promise.all(this.#connections.map((connection) => connection.settled));
  }

  async close() {
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }
}
