// Latencies in milliseconds, kept as a histogram (three significant figures) so that an hour costs no more than a second.
import { createHistogram } from 'node:perf_hooks';

const PER_MILLISECOND = 1000;

export class Latency {
  #histogram = createHistogram({ lowest: 1, highest: 600_000 * PER_MILLISECOND, figures: 3 });

  record(milliseconds) {
    this.#histogram.record(Math.max(1, Math.round(milliseconds * PER_MILLISECOND)));
  }

  summary() {
    if (this.#histogram.count === 0) return { p50: 0, p99: 0, p999: 0, max: 0 };
    const at = (percentile) => this.#histogram.percentile(percentile) / PER_MILLISECOND;
    return { p50: at(50), p99: at(99), p999: at(99.9), max: this.#histogram.max / PER_MILLISECOND };
  }
}
