/** What others wrote, on a terminal. */
import { describe, expect, test } from 'vitest';
import { harmless, harmlessLine } from '../../src/process/harmless.js';

describe('a text of another process', () => {
  test('cannot move the cursor, colour, or reverse what follows', () => {
    expect(harmless('\u001b[2Jgone\u001b[31mred\u0007\u009b1A\r\nnext\u202eend')).toBe(
      'gonered··1A\nnext·end',
    );
  });

  test('stays on one line where one is meant', () => {
    expect(harmlessLine('one\n   two\r\nthree')).toBe('one two three');
    expect(harmlessLine('  as it is  ')).toBe('  as it is  ');
  });

  test('costs no more than its length, whatever it is made of', () => {
    const start = performance.now();
    harmlessLine(' '.repeat(200_000));
    harmlessLine(`${' '.repeat(100_000)}\n`.repeat(2));
    expect(performance.now() - start).toBeLessThan(500);
  });

  test('is read from left to right', () => {
    expect(harmless('\u200fa\u061cb\u200ec')).toBe('·a·b·c');
  });
});
