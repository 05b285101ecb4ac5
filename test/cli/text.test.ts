import { describe, expect, test } from 'vitest';
import { columns, count, duration, fitted } from '../../src/cli/text.js';

describe('a duration', () => {
  test.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1_000, '1.0 s'],
    [9_999, '9.9 s'],
    [10_000, '10 s'],
    [59_999, '59 s'],
    [61_000, '1 min 1 s'],
    [120_000, '2 min'],
    [11 * 60_000 + 5_000, '11 min'],
    [3 * 3_600_000 + 5 * 60_000, '3 h 5 min'],
    [49 * 3_600_000, '2 d 1 h'],
  ])('of %i ms is %s', (milliseconds, text) => {
    expect(duration(milliseconds)).toBe(text);
  });
});

test('columns line up by what is seen', () => {
  expect(
    columns([
      ['\u001b[31mab\u001b[39m', 'x'],
      ['abcd', 'y'],
    ]),
  ).toEqual(['\u001b[31mab\u001b[39m    x', 'abcd  y']);
});

test('in a narrow terminal the last column goes on below itself, between words', () => {
  const rows = [
    ['label', 'some words that do not fit, and \u001b[31ma/path/that/is/longer/than/that\u001b[39m'],
    ['b', 'short'],
  ];
  expect(columns(rows, 30)).toEqual([
    'label  some words that do not',
    '       fit, and',
    '       \u001b[31ma/path/that/is/longer/than/that\u001b[39m',
    'b      short',
  ]);
  expect(columns(rows, 20)).toHaveLength(2);
});

test('a line is cut to the width of a terminal', () => {
  expect(fitted('\u001b[31mabcdef\u001b[39m', 4)).toBe('abc…');
  expect(fitted('abcd', 4)).toBe('abcd');
});

test('one is not several', () => {
  expect([count(0, 'connection'), count(1, 'connection'), count(2, 'connection')]).toEqual([
    '0 connections',
    '1 connection',
    '2 connections',
  ]);
});
