import { readdirSync, readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ConfigurationError,
  describeError,
  type ErrorCode,
  errorMeanings,
  UninterruptibleError,
  wrongState,
} from '../src/errors.js';

const codes = Object.keys(errorMeanings) as ErrorCode[];

describe('the table of codes', () => {
  test.each(codes)('%s has a documented heading, and one sentence', (code) => {
    expect(code).toMatch(/^UNINTERRUPTIBLE_[A-Z0-9]+(_[A-Z0-9]+)*$/);
    expect(errorMeanings[code]).toMatch(/^\S.*\.$/);
  });

  test('docs/errors.md has one heading per code, in order, and no other', () => {
    const text = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');
    const headings = [...text.matchAll(/^### `(UNINTERRUPTIBLE_\w+)`$/gm)].map(([, code]) => code);
    expect(headings).toEqual(codes);
    for (const code of codes) expect(text).toContain(`### \`${code}\`\n\n${errorMeanings[code]}\n`);
  });

  test('each is made somewhere in src/', () => {
    const folder = new URL('../src/', import.meta.url);
    const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(new URL(file, folder), 'utf8'));
    const firstArguments = sources.flatMap((source) =>
      [...source.matchAll(/(?:new UninterruptibleError|super)\(([^,)]*)/g)].map(([, argument]) => argument),
    );
    const unmade = codes.filter(
      (code) => !firstArguments.some((argument) => argument?.includes(`'${code}'`)),
    );
    expect(unmade).toEqual([]);
  });

  test('it cannot be changed', () => {
    expect(Object.isFrozen(errorMeanings)).toBe(true);
  });
});

describe('UninterruptibleError', () => {
  test.each(codes)('%s: the meaning is the message if none is given', (code) => {
    const error = new UninterruptibleError(code);
    expect(error).toBeInstanceOf(Error);
    expect(error.code).toBe(code);
    expect(error.message).toBe(errorMeanings[code]);
  });

  test('the cause is kept as it was, even if it is undefined', () => {
    const cause = new Error('lower');
    expect(new UninterruptibleError('UNINTERRUPTIBLE_STOPPED', 'x', { cause }).cause).toBe(cause);
    expect('cause' in new UninterruptibleError('UNINTERRUPTIBLE_STOPPED', 'x', { cause: undefined })).toBe(
      true,
    );
    expect('cause' in new UninterruptibleError('UNINTERRUPTIBLE_STOPPED')).toBe(false);
  });

  test('details are a frozen copy, and absent if none were given', () => {
    const details = { pid: 7 };
    const error = new UninterruptibleError('UNINTERRUPTIBLE_STOPPED', 'x', { details });
    expect(error.details).toEqual(details);
    expect(error.details).not.toBe(details);
    expect(Object.isFrozen(error.details)).toBe(true);
    expect(Object.keys(new UninterruptibleError('UNINTERRUPTIBLE_STOPPED'))).toEqual(['code']);
  });

  test('the name is printed, and is no key of the instance', () => {
    const error = new UninterruptibleError('UNINTERRUPTIBLE_STOPPED', 'x');
    expect(error.name).toBe('UninterruptibleError');
    expect(inspect(error)).toContain('UninterruptibleError: x');
    expect(Object.hasOwn(error, 'name')).toBe(false);
  });
});

test('a method that makes no sense in a state names both', () => {
  const error = wrongState('run', 'draining', ' Wait.');
  expect(error.code).toBe('UNINTERRUPTIBLE_STATE_INVALID');
  expect(error.message).toBe('run() cannot be called on a server that is draining. Wait.');
  expect(wrongState('run', 'idle').message).toBe('run() cannot be called on a server that is idle.');
});

describe('ConfigurationError', () => {
  test('one problem is the message', () => {
    const error = new ConfigurationError(['bindPort is missing.']);
    expect(error).toBeInstanceOf(UninterruptibleError);
    expect(error.name).toBe('ConfigurationError');
    expect(error.code).toBe('UNINTERRUPTIBLE_CONFIGURATION_INVALID');
    expect(error.message).toBe('Invalid configuration: bindPort is missing.');
  });

  test('several problems are a list', () => {
    const problems = ['One.', 'Two.'];
    const error = new ConfigurationError(problems);
    expect(error.message).toBe('Invalid configuration, 2 problems:\n- One.\n- Two.');
    expect(error.problems).toEqual(problems);
    expect(error.problems).not.toBe(problems);
    expect(Object.isFrozen(error.problems)).toBe(true);
  });

  test('the cause is kept', () => {
    expect(new ConfigurationError(['x'], { cause: 1 }).cause).toBe(1);
  });
});

describe('describeError', () => {
  test('ours: code, message and stack', () => {
    const error = new UninterruptibleError('UNINTERRUPTIBLE_DRAINING', 'Too late.');
    expect(describeError(error)).toEqual({
      code: 'UNINTERRUPTIBLE_DRAINING',
      message: 'Too late.',
      stack: error.stack,
    });
  });

  test('a system error keeps its code, any other error gives its name', () => {
    expect(describeError(Object.assign(new Error('bind'), { code: 'EADDRINUSE' })).code).toBe('EADDRINUSE');
    expect(describeError(new TypeError('x')).code).toBe('TypeError');
    expect(describeError(Object.assign(new Error('x'), { code: 17 })).code).toBe('Error');
  });

  test.each([
    ['text', 'text'],
    ['', 'an empty string was thrown'],
    [undefined, 'undefined'],
    [null, 'null'],
    [7n, '7'],
    [Symbol('s'), 'Symbol(s)'],
    [{ toString: () => 'printed' }, 'printed'],
    [Object.create(null), 'something without a text form was thrown'],
  ])('what is no error is printed: %o', (thrown, message) => {
    expect(describeError(thrown)).toEqual({ code: 'UNKNOWN', message });
  });

  test('causes are appended to the stack', () => {
    const root = new Error('root');
    const error = new Error('top', { cause: new Error('middle', { cause: root }) });
    const { stack = '' } = describeError(error);
    expect(stack.indexOf('Error: top')).toBe(0);
    expect(stack.indexOf('Caused by: Error: middle')).toBeGreaterThan(0);
    expect(stack.indexOf('Caused by: Error: root')).toBeGreaterThan(stack.indexOf('middle'));
    expect(describeError(new Error('top', { cause: 'a word' })).stack).toMatch(/\nCaused by: a word$/);
  });

  test('a cause that is its own cause ends somewhere', () => {
    const error = new Error('round');
    error.cause = error;
    expect(describeError(error).stack?.match(/Caused by/g)).toHaveLength(8);
  });

  test('an error without a message of its own tells those it is made of', () => {
    const refused = [new Error('refused ::1'), new Error(''), new Error('refused 127.0.0.1')];
    expect(describeError(new AggregateError(refused)).message).toBe('refused ::1; Error; refused 127.0.0.1');
    expect(describeError(new AggregateError([])).message).toBe('AggregateError');
    expect(describeError(new RangeError('')).message).toBe('RangeError');
  });

  test('a getter that throws is nothing that was said', () => {
    const hostile = new Error('hidden');
    for (const key of ['stack', 'code', 'name', 'message', 'cause']) {
      Object.defineProperty(hostile, key, {
        get() {
          throw new Error('no');
        },
      });
    }
    expect(describeError(hostile)).toEqual({
      code: 'UNKNOWN',
      message: 'something without a text form was thrown',
    });
  });

  test('whatever was thrown, the description is not empty and fits into one packet', () => {
    fc.assert(
      fc.property(fc.anything(), fc.string({ unit: 'binary', maxLength: 20_000 }), (thrown, text) => {
        const worst = Object.assign(new Error('\0'.repeat(50_000)), { code: text, cause: thrown });
        for (const error of [thrown, worst, Object.assign(new Error(text), { stack: text + text })]) {
          const description = describeError(error);
          expect(description.code).not.toBe('');
          expect(description.message).not.toBe('');
          expect(Buffer.byteLength(JSON.stringify(description))).toBeLessThan(62 * 1024);
          expect(JSON.parse(JSON.stringify(description))).toEqual(description);
        }
      }),
    );
  });
});
