// Milliseconds on the machine's monotonic clock, the same in all processes.
export function monotonic() {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Wall-clock milliseconds, as the load generator gives them. */
export function wallClock() {
  return performance.timeOrigin + performance.now();
}
