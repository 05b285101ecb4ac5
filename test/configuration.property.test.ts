import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Problems } from '../src/configuration/given.js';
import { configurationDefaults, environmentNames, resolveConfiguration } from '../src/configuration.js';
import { ConfigurationError } from '../src/errors.js';
import { context } from './configuration/resolve.js';

const value = fc.oneof(
  fc.anything(),
  fc.constantFrom<unknown>(
    null,
    0,
    1,
    '30s',
    'tcp://a:1',
    'unix:@a',
    '/tmp/x',
    'SIGHUP',
    console,
    () => 1,
    Symbol('x'),
  ),
  fc.constantFrom<unknown>(
    '-----BEGIN PRIVATE KEY-----',
    '-----BEGIN CERTIFICATE-----x-----END CERTIFICATE-----',
  ),
);
const names = Object.keys(configurationDefaults);
const options = fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), value, { maxKeys: 8 });
const environment = fc.dictionary(
  fc.constantFrom('PWD', ...Object.values(environmentNames)),
  fc.oneof(fc.string(), fc.constantFrom('30s', '1', '::1', '/tmp', 'UNKNOWN')),
);

test('whatever is given, there is a frozen configuration or a list of sentences', () => {
  fc.assert(
    fc.property(fc.array(options, { maxLength: 3 }), environment, (list, variables) => {
      try {
        const resolved = resolveConfiguration(list, variables, context);
        expect(resolved.servers).toHaveLength(list.length);
        expect(Object.isFrozen(resolved)).toBe(true);
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error;
        expect(error.problems.length).toBeGreaterThan(0);
        for (const problem of error.problems) expect(problem).toMatch(/[.?]$/);
      }
    }),
    { numRuns: 2000 },
  );
});

test('an error that is no problem of the configuration is not swallowed', () => {
  const failure = new TypeError('a bug');
  const parse = (): never => {
    throw failure;
  };
  expect(() => new Problems().collect(parse, String)).toThrow(failure);
});
