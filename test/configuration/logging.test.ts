import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { type Logger } from '../../src/configuration.js';
import { complaints, processOf } from './resolve.js';

describe('logging', () => {
  test.each([
    ['trace', 'trace'],
    ['debug', 'debug'],
    ['info', 'info'],
    ['warn', 'warn'],
    ['error', 'error'],
    ['fatal', 'fatal'],
    ['silent', 'silent'],
    ['DEBUG', 'debug'],
    ['INFO', 'info'],
    ['WARN', 'warn'],
    ['ERROR', 'error'],
    ['FATAL', 'fatal'],
    ['UNKNOWN', 'silent'],
    ['Warn', 'warn'],
  ])('logLevel %s is %s', (name, level) => {
    expect(processOf({ logLevel: name }).logLevel).toBe(level);
    expect(processOf({}, { LOG_LEVEL: name }).logLevel).toBe(level);
    expect(processOf({ logLevel: name }, { LOG_LEVEL: 'nonsense' }).logLevel).toBe(level);
  });

  test('another level is refused, and the nearest proposed', () => {
    const levels = 'trace, debug, info, warn, error, fatal, silent';
    expect(complaints({ logLevel: 'loud' })).toEqual([`logLevel must be one of ${levels}, not "loud".`]);
    expect(complaints({}, { LOG_LEVEL: 'warning' })).toEqual([
      `LOG_LEVEL (logLevel) must be one of ${levels}, not "warning"; did you mean warn?`,
    ]);
    expect(complaints({ logLevel: 1 })).toEqual([`logLevel must be one of ${levels}, not 1.`]);
    expect(complaints({ logLevel: null })).toHaveLength(1);
  });

  test('a logger has the methods of pino', () => {
    const ours: Logger = pino({ enabled: false });
    expect(processOf({ logger: ours }).logger).toBe(ours);
    expect(processOf({ logger: console }).logger).toBe(console);
    expect(processOf({ logger: null }).logger).toBeNull();
  });

  test('it needs those that are called, and no others', () => {
    const { debug, info, warn, error } = console;
    const ours: Logger = { debug, info, warn, error };
    expect(processOf({ logger: ours }).logger).toBe(ours);
    expect(complaints({ logger: { ...ours, trace: true, fatal: 3 } })).toEqual([]);
  });

  test.each([[3], ['x'], [true], [{}]])('another logger is refused: %j', (logger) => {
    expect(complaints({ logger })).toEqual([
      'logger must be an object with the methods debug, info, warn, error, as pino has; debug, info, warn, error are missing.',
    ]);
  });

  test('the missing method is named', () => {
    const { debug, info, warn } = console;
    expect(complaints({ logger: { debug, info, warn, error: true } })).toEqual([
      'logger must be an object with the methods debug, info, warn, error, as pino has; error is missing.',
    ]);
  });

  test('a logger writes where it wants: logPath is refused, LOG_PATH ignored', () => {
    expect(complaints({ logger: console, logPath: '/tmp/x' })).toEqual([
      'logPath has no effect with a logger of your own; leave one of them out.',
    ]);
    expect(processOf({ logger: console, logPath: null }).logPath).toBeNull();
    expect(processOf({ logger: console }, { LOG_PATH: '/tmp/x' }).logPath).toBeNull();
  });
});
