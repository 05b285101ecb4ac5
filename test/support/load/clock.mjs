// Inside a run time is `performance.now()`. What is reported is wall-clock milliseconds, comparable between processes.

export function toWallClock(time) {
  return performance.timeOrigin + time;
}
