// What the load generator recorded: each new connection with the moment it was due, and what became of it.
import { readFileSync } from 'node:fs';
import { latencies, percentile } from '../statistics.mjs';

export class Recording {
  /** `{ due, latency, pid }` of the answered ones and `{ due, cause }` of the lost ones, by the time they were due. */
  connections;

  constructor(path) {
    const { answered, lost } = JSON.parse(readFileSync(path, 'utf8'));
    this.connections = [
      ...answered.due.map((due, at) => ({ due, latency: answered.latency[at], pid: answered.pid[at] })),
      ...lost.due.map((due, at) => ({ due, cause: lost.cause[at] })),
    ].sort((a, b) => a.due - b.due);
  }

  /** Pids of those who answered something before this moment. */
  answeredBefore(moment) {
    return new Set(this.#answers(({ due, latency }) => due + latency < moment).map(({ pid }) => pid));
  }

  /** When, from this moment on, somebody else than these answered for the first time; null if nobody did. */
  firstAnswerOfOthers(pids, from) {
    return ends(this.#answers(({ due, latency, pid }) => due + latency >= from && !pids.has(pid))).first;
  }

  /** When one of these answered for the last time before `until`. */
  lastAnswerOf(pids, until) {
    return ends(this.#answers(({ due, latency, pid }) => due + latency < until && pids.has(pid))).last;
  }

  /** p50, p99, p99.9 and the greatest latency of those that were due when `includes` says so; null if there are none. */
  latencies(includes) {
    return latencies(this.#answers(({ due }) => includes(due)).map(({ latency }) => latency));
  }

  /** How many were due when `includes` says so, and of them lost, by cause. */
  losses(includes) {
    const counts = { attempted: 0, failed: 0, byCause: {} };
    for (const { due, cause } of this.connections) {
      if (!includes(due)) continue;
      counts.attempted += 1;
      if (cause === undefined) continue;
      counts.failed += 1;
      counts.byCause[cause] = (counts.byCause[cause] ?? 0) + 1;
    }
    return counts;
  }

  /** Slices of this many milliseconds from the first connection on, in columns, for a plot. */
  timeline(slice) {
    const start = this.connections[0]?.due ?? 0;
    const slices = new Map();
    for (const { due, latency, cause } of this.connections) {
      const at = Math.floor((due - start) / slice) * slice;
      const entry = slices.get(at) ?? { latencies: [], failed: 0 };
      slices.set(at, entry);
      if (cause === undefined) entry.latencies.push(latency);
      else entry.failed += 1;
    }
    const rows = [...slices].sort(([a], [b]) => a - b);
    return {
      at: rows.map(([at]) => at),
      p50: rows.map(([, { latencies }]) => rounded(percentile(latencies, 0.5))),
      max: rows.map(([, { latencies }]) => rounded(percentile(latencies, 1))),
      failed: rows.map(([, { failed }]) => failed),
    };
  }

  /** Spans in which every connection failed, in milliseconds; the last one may reach to the end. */
  outages(rate) {
    const spans = [];
    let span;
    for (const { due, cause } of this.connections) {
      if (cause === undefined) span = undefined;
      else if (span === undefined) spans.push((span = { from: due, until: due }));
      else span.until = due;
    }
    // One that failed stands for the time to the next.
    const lengths = spans.map(({ from, until }) => until - from + 1000 / rate);
    return {
      longest: Math.max(0, ...lengths),
      total: lengths.reduce((a, b) => a + b, 0),
      toTheEnd: span !== undefined,
    };
  }

  #answers(fits) {
    return this.connections.filter((connection) => connection.cause === undefined && fits(connection));
  }
}

function ends(answers) {
  const moments = answers.map(({ due, latency }) => due + latency);
  const reduce = (choose) => (moments.length === 0 ? null : moments.reduce((a, b) => choose(a, b)));
  return { first: reduce(Math.min), last: reduce(Math.max) };
}

function rounded(value) {
  return value === null ? null : Math.round(value * 100) / 100;
}
