// The options of a run: JSON in, checked and complete out. A mistake is a sentence, before any connection is made.
import { ANSWER_CHECKS } from './answers.mjs';

const DEFAULTS = {
  target: undefined,
  rate: 0,
  duration: undefined,
  answer: 'echo',
  answerTimeout: 5000,
  longLived: undefined,
  progressInterval: 100,
  sources: undefined,
  record: undefined,
};

const LONG_LIVED_DEFAULTS = { count: 20, interval: 100, holdFor: undefined };

/** `sun_path` holds 108 bytes with the final zero; Node 20 cuts longer names silently and reaches another socket. */
const LONGEST_PATH = 107;

export function readOptions(json) {
  const options = withDefaults('option', DEFAULTS, JSON.parse(json ?? '{}'));
  requireTarget(options.target);
  require(ANSWER_CHECKS[options.answer], `answer: one of ${Object.keys(ANSWER_CHECKS).join(', ')}`);
  require(options.rate >= 0 && Number.isFinite(options.rate), 'rate: new connections per second, 0 for none');
  require(isPositive(options.duration ?? 1), 'duration: milliseconds, or absent to run until stopped');
  require(isPositive(options.answerTimeout), 'answerTimeout: milliseconds');
  require(isPositive(options.progressInterval), 'progressInterval: milliseconds');
  const sources = options.sources ?? 1;
  const hasSources = isPositive(sources) && sources <= 254;
  require(hasSources, 'sources: how many of 127.0.0.1 to 127.0.0.254 to connect from');
  if (options.longLived) {
    options.longLived = withDefaults('longLived option', LONG_LIVED_DEFAULTS, options.longLived);
    const { count, interval, holdFor } = options.longLived;
    require(Number.isInteger(count) && count > 0, 'longLived.count: a number of connections');
    require(isPositive(interval), 'longLived.interval: milliseconds between two lines');
    require(isPositive(holdFor ?? 1), 'longLived.holdFor: milliseconds, or absent to keep each to the end');
  }
  return options;
}

function requireTarget(target) {
  require(target && typeof target === 'object', 'target: {host, port} or {path}, with tls if wanted');
  if (target.path === undefined) {
    require(Number.isInteger(target.port) &&
      target.port > 0 &&
      target.port < 65536, 'target.port: 1 to 65535');
  } else {
    require(Buffer.byteLength(target.path) <= LONGEST_PATH, `target.path: at most ${LONGEST_PATH} bytes`);
  }
}

function withDefaults(what, defaults, given) {
  const unknown = Object.keys(given).filter((key) => !(key in defaults));
  require(unknown.length === 0, `unknown ${what}: ${unknown.join(', ')}`);
  return { ...defaults, ...given };
}

function isPositive(value) {
  return Number.isFinite(value) && value > 0;
}

function require(condition, sentence) {
  if (!condition) throw new TypeError(sentence);
}
