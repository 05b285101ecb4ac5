// What is made of a run with restarts: times of each, and losses and latencies around them and apart from them.
import { spread } from '../statistics.mjs';

/** The window around a restart begins with its order. It lasts to the switch and some more, and at least so long. */
const AFTER_SWITCH = 250;
const LEAST = 750;

const SLICE = 50;

export function evaluateRestarts({ recording, watch, orders, result, from }) {
  const restarts = orders.map((order, index) =>
    timesOf(order, orders[index + 1]?.orderedAt ?? Infinity, recording, watch),
  );
  const isInWindow = (due) => restarts.some(({ window }) => due >= window.from && due <= window.until);
  const start = recording.connections[0].due;
  const first = orders[0].orderedAt;
  return {
    reached: result.rate.reached,
    achieved: result.rate.achieved,
    generatorLag: result.maxLag,
    restarts: restarts.length,
    failed: recording.losses(() => true),
    failedInWindows: recording.losses(isInWindow).failed,
    latency: {
      around: recording.latencies(isInWindow),
      apart: recording.latencies((due) => due >= from && !isInWindow(due)),
    },
    firstAnswer: spreadOf(restarts, 'firstAnswer'),
    lastAnswer: spreadOf(restarts, 'lastAnswer'),
    exit: spreadOf(restarts, 'exit'),
    // Whoever still has a connection that stays.
    stayed: restarts.filter(({ exit }) => exit === null).length,
    memory: { steady: watch.peak(from, first), peak: watch.peak(from, Infinity) },
    longLived: { ...result.longLived, cuts: undefined },
    timeline: recording.timeline(SLICE),
    orders: orders.map(({ orderedAt }) => Math.round(orderedAt - start)),
  };
}

/** Milliseconds from the order on; null for what did not happen. */
function timesOf({ orderedAt, doneAt }, nextAt, recording, watch) {
  const old = recording.answeredBefore(orderedAt);
  const serving = [...old].filter((pid) => (watch.goneAt(pid) ?? Infinity) > orderedAt);
  const firstAnswerAt = recording.firstAnswerOfOthers(old, orderedAt);
  const lastAnswerAt = recording.lastAnswerOf(new Set(serving), nextAt);
  const gone = serving.map((pid) => watch.goneAt(pid));
  const exitAt = gone.every((at) => at !== null && at < nextAt) ? Math.max(...gone) : null;
  // The last answer may have been before the order, and processes are looked at every 25 ms.
  const since = (moment) => (moment === null ? null : Math.max(0, moment - orderedAt));
  const switchedAt = Math.max(doneAt, firstAnswerAt ?? 0, lastAnswerAt ?? 0);
  return {
    window: { from: orderedAt, until: Math.max(switchedAt + AFTER_SWITCH, orderedAt + LEAST) },
    firstAnswer: since(firstAnswerAt),
    lastAnswer: since(lastAnswerAt),
    exit: since(exitAt),
  };
}

function spreadOf(restarts, name) {
  return spread(restarts.map((restart) => restart[name]).filter((value) => value !== null));
}
