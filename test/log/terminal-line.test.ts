import { describe, expect, test } from 'vitest';
import { terminalLine } from '../../src/log/terminal-line.js';

const line = (facts: object): string =>
  JSON.stringify({ level: 30, time: '2026-01-02T03:04:05.678Z', pid: 12, generation: 3, ...facts });

describe('a line on a terminal', () => {
  test('has time, level, pid, generation, message and facts, in this order', () => {
    const json = line({ msg: 'serving', listeners: ['tcp://[::1]:80'], predecessor: 11, name: 'a b' });
    expect(terminalLine(json, false)).toBe(
      '03:04:05.678 info  [12 #3] serving listeners=["tcp://[::1]:80"] predecessor=11 name="a b"\n',
    );
  });

  test.each([
    [10, 'trace'],
    [20, 'debug'],
    [30, 'info '],
    [40, 'warn '],
    [50, 'error'],
    [60, 'fatal'],
    [35, '35'],
  ])('of level %i says %s', (level, word) => {
    expect(terminalLine(line({ level, msg: 'm' }), false)).toBe(`03:04:05.678 ${word} [12 #3] m\n`);
  });

  test('is followed by the stack of an error, indented', () => {
    const json = line({
      level: 50,
      msg: 'handler failed',
      err: { message: 'no', stack: 'Error: no\n    at x' },
      connection: 4,
    });
    expect(terminalLine(json, false)).toBe(
      '03:04:05.678 error [12 #3] handler failed connection=4\n    Error: no\n        at x\n',
    );
  });

  test('names the code of an error on its first line', () => {
    const err = { code: 'UNINTERRUPTIBLE_RESTART_EXITED', stack: 'UninterruptibleError: exited' };
    const json = line({ level: 50, msg: 'hand-over failed, serving on', err, connection: 4 });
    expect(terminalLine(json, false)).toBe(
      '03:04:05.678 error [12 #3] hand-over failed, serving on [UNINTERRUPTIBLE_RESTART_EXITED] connection=4\n' +
        '    UninterruptibleError: exited\n',
    );
  });

  test.each([
    ['', 'UNINTERRUPTIBLE_WARM_UP_FAILED'],
    ['        at ours\n', 'UNINTERRUPTIBLE_STATE_INVALID'],
  ])('of the stack of an error of this library shows %j if it is %s', (shown, code) => {
    const cause = { message: 'cold', stack: 'Error: cold\n    at theirs' };
    const err = { message: 'failed', stack: 'failed\n    at ours', code, cause };
    expect(terminalLine(line({ level: 50, msg: 'm', err }), false)).toBe(
      `03:04:05.678 error [12 #3] m [${code}]\n    failed\n${shown}    caused by: Error: cold\n        at theirs\n`,
    );
  });

  test('says what was thrown where that has no stack', () => {
    expect(terminalLine(line({ msg: 'm', err: { message: 'no' } }), false)).toContain('m\n    no\n');
    expect(terminalLine(line({ msg: 'm', err: 'a string' }), false)).toContain('m err="a string"\n');
  });

  test('cannot be steered by a text in it, nor forged by one', () => {
    const err = { code: '\u001b[2J', stack: 'Error: a\u0007b\n    at \u001b[31mhere\u009b2J' };
    const json = line({ msg: 'm\u001b[1A\nforged', name: '\u007f\u009b', err });
    expect(terminalLine(json, false)).toBe(
      '03:04:05.678 info  [12 #3] m forged [] name="··"\n    Error: a·b\n        at here·2J\n',
    );
  });

  test('is coloured where there are colours, and the text stays the same', () => {
    const json = line({ msg: 'serving' });
    const coloured = terminalLine(json, true);
    expect(coloured).toContain('\x1b[32minfo \x1b[0m');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is removed
    expect(coloured.replace(/\x1b\[\d+m/g, '')).toBe(terminalLine(json, false));
  });
});
