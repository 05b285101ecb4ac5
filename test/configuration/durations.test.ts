import { describe, expect, test } from 'vitest';
import { environmentNames } from '../../src/configuration.js';
import { complaints, processOf } from './resolve.js';

describe('durations', () => {
  const durations = [
    ['readyTimeout', 60_000],
    ['drainTimeout', null],
    ['rollbackWindow', 0],
  ] as const;

  test.each(durations)('%s: milliseconds in code, a unit in the environment', (option, fallback) => {
    const variable = environmentNames[option] ?? '';
    expect(processOf({})[option]).toBe(fallback);
    expect(processOf({ [option]: 1500 })[option]).toBe(1500);
    expect(processOf({ [option]: 1500 }, { [variable]: '1s' })[option]).toBe(1500);
    expect(processOf({ [option]: 1500 }, { [variable]: 'nonsense' })[option]).toBe(1500);
    for (const [text, milliseconds] of [
      ['500ms', 500],
      ['30s', 30_000],
      ['2m', 120_000],
      ['1h', 3_600_000],
      ['1.5s', 1500],
      [' 30s\r', 30_000],
      ['2147483647ms', 2_147_483_647],
    ] as const) {
      expect(processOf({}, { [variable]: text })[option]).toBe(milliseconds);
    }
  });

  test.each(durations)('%s: what is no duration is refused', (option) => {
    const variable = environmentNames[option] ?? '';
    const label = `${variable} (${option})`;
    expect(complaints({}, { [variable]: '30' })).toEqual([
      `${label} needs a unit: write 30s for seconds or 30ms for milliseconds instead of 30.`,
    ]);
    for (const text of ['30 s', '30S', '-1s', '1d', 's', '1e3ms', 'Infinity', '0x1ms', 'none', '1m30s']) {
      expect(complaints({}, { [variable]: text })).toEqual([
        `${label} must be a number with a unit (500ms, 30s, 2m, 1h), not "${text}".`,
      ]);
    }
    expect(complaints({ [option]: '30s' })).toEqual([
      `${option} must be a number of milliseconds, not "30s": write 30000; units are for the environment only.`,
    ]);
    for (const [value, printed] of [
      ['30', '"30"'],
      [true, 'true'],
      [{}, 'an object'],
      [Number.NaN, 'NaN'],
      [Number.POSITIVE_INFINITY, 'Infinity'],
      [Symbol('x'), 'a symbol'],
      [() => 1, 'a function'],
      [1n, '1n'],
    ] as const) {
      expect(complaints({ [option]: value })).toEqual([
        `${option} must be a number of milliseconds, not ${printed}.`,
      ]);
    }
  });

  test.each(durations)('%s: its range', (option) => {
    const least = option === 'readyTimeout' ? 'more than 0' : '0 or more';
    const variable = environmentNames[option] ?? '';
    expect(complaints({ [option]: -1 })).toEqual([`${option} must be ${least}, not -1.`]);
    expect(complaints({ [option]: 0 })).toEqual(
      option === 'readyTimeout' ? [`readyTimeout must be more than 0, not 0.`] : [],
    );
    expect(complaints({}, { [variable]: '0s' })).toHaveLength(option === 'readyTimeout' ? 1 : 0);
    expect(complaints({ [option]: 2 ** 31 - 1 })).toEqual([]);
    expect(complaints({ [option]: 2 ** 31 })).toEqual([
      `${option} must be at most 2147483647 ms (24.8 days, the longest a timer can run), not 2147483648.`,
    ]);
    expect(complaints({}, { [variable]: '600h' })).toEqual([
      `${variable} (${option}) must be at most 2147483647 ms (24.8 days, the longest a timer can run), not "600h".`,
    ]);
  });

  test('drainTimeout may be none, whatever the environment says; the others may not', () => {
    expect(processOf({ drainTimeout: null }, { DRAIN_TIMEOUT: '1s' }).drainTimeout).toBeNull();
    expect(complaints({ readyTimeout: null })).toEqual([
      'readyTimeout must be a number of milliseconds, not null.',
    ]);
    expect(complaints({ rollbackWindow: null })).toEqual([
      'rollbackWindow must be a number of milliseconds, not null.',
    ]);
  });
});

test('a long value is cut in the sentence', () => {
  const [sentence = ''] = complaints({ logLevel: 'x'.repeat(1000) });
  expect(sentence.length).toBeLessThan(200);
});
