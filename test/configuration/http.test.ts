import { describe, expect, test } from 'vitest';
import type { ServerConfiguration } from '../../src/configuration.js';
import { complaints, problemsOf, processOf, resolve } from './resolve.js';

const HTTP = { http: [true] };

function serverOf(options: object): ServerConfiguration | undefined {
  return resolve({ bindPort: 0, ...options }, {}, HTTP).servers[0];
}

function problems(options: object): readonly string[] {
  return problemsOf({ bindPort: 0, ...options }, {}, HTTP);
}

test('an HTTP server has its options, any other has none', () => {
  expect(serverOf({})?.http).toEqual({ http2: false, httpOptions: {}, readiness: null });
  expect(serverOf({ http2: true, httpOptions: { keepAliveTimeout: 1 }, readiness: '/a' })?.http).toEqual({
    http2: true,
    httpOptions: { keepAliveTimeout: 1 },
    readiness: '/a',
  });
  expect(serverOf({ httpOptions: null, readiness: null })?.http).toEqual({
    http2: false,
    httpOptions: {},
    readiness: null,
  });
  expect(resolve({ bindPort: 0 }).servers[0]?.http).toBeNull();
});

test.each([
  ['http2', true],
  ['httpOptions', {}],
  ['readiness', '/a'],
])('%s of a plain Server is refused', (option, value) => {
  const sentence = 'is an option of HttpServer, from uninterruptible/http.';
  expect(complaints({ [option]: value })).toEqual([`${option} ${sentence}`]);
  expect(
    problemsOf(
      [
        { bindPort: 1, [option]: value },
        { bindPort: 2, [option]: value },
      ],
      {},
      { http: [true, false] },
    ),
  ).toEqual([`${option} of server 2 ${sentence}`]);
});

test.each([
  [{ http2: 1 }, 'http2 must be true or false, not 1.'],
  [{ httpOptions: [] }, 'httpOptions must be an object as http.createServer takes it, not an array.'],
  [{ httpOptions: 'x' }, 'httpOptions must be an object as http.createServer takes it, not "x".'],
  [{ readiness: 'ready' }, 'readiness must be a path such as /ready, without a query, not "ready".'],
  [{ readiness: '/a?b' }, 'readiness must be a path such as /ready, without a query, not "/a?b".'],
  [{ readiness: 3 }, 'readiness must be a path such as /ready, without a query, not 3.'],
])('%j is refused', (options, sentence) => {
  expect(problems(options)).toHaveLength(1);
  expect(problems(options)[0]).toContain(sentence);
});

describe('shutdownDelay', () => {
  test('is a duration of the process, 0 unless given', () => {
    expect(processOf({}).shutdownDelay).toBe(0);
    expect(processOf({ shutdownDelay: 5_000 }).shutdownDelay).toBe(5_000);
    expect(processOf({}, { SHUTDOWN_DELAY: '5s' }).shutdownDelay).toBe(5_000);
    expect(processOf({ shutdownDelay: 1 }, { SHUTDOWN_DELAY: '5s' }).shutdownDelay).toBe(1);
  });

  test.each([[-1], ['5s'], [Number.NaN], [null]])('%s is refused', (shutdownDelay) => {
    expect(complaints({ shutdownDelay })[0]).toMatch(/^shutdownDelay must be /);
  });

  test('in the environment it needs a unit', () => {
    expect(complaints({}, { SHUTDOWN_DELAY: '5' })[0]).toMatch(/^SHUTDOWN_DELAY \(shutdownDelay\) /);
  });
});
