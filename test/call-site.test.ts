import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { callSite, leadTo } from '../src/call-site.js';
import { ConfigurationError, Server, UninterruptibleError } from '../src/index.js';
import { rejection, serving, TestServer } from './support/in-process.js';
import { requirement } from './support/requirements.js';

const LIBRARY = new URL('../src/', import.meta.url).pathname;
const HERE = /\n +at .*call-site\.test\.ts/;

class Idle extends Server {
  override handleRequest(): void {
    // Nobody connects.
  }
}

test('wrong options are said once, and lead to the line that gave them', async () => {
  const error = await rejection(new Idle({ bind: 'nonsense', drainTimeout: -1 }).start());
  if (!(error instanceof ConfigurationError)) expect.fail(`${error.name} is thrown`);
  expect(error.stack).toMatch(HERE);
  // Of ours only the method that was called.
  expect(error.stack?.split(LIBRARY)).toHaveLength(2);
  const printed = inspect(error);
  expect(error.problems).toHaveLength(2);
  for (const problem of error.problems) expect(printed.split(problem)).toHaveLength(2);
});

test('a port in use leads to the call, and says what to do', requirement('addon'), async () => {
  const server = await serving();
  const [listener] = server.boundListeners;
  const error = await rejection(new TestServer(undefined, { bind: listener?.bound ?? '' }).start());
  expect(error.message).toBe(
    `${listener?.bound} is in use already: \`ss -ltnp\` says by whom. If it is this server, restart it instead; a second one takes over only with the same controlPath.`,
  );
  expect(error.stack).toMatch(HERE);
  const cause = error.cause as NodeJS.ErrnoException;
  expect([cause.code, cause.stack]).toEqual(['EADDRINUSE', String(cause)]);
});

describe('what a hook threw', requirement('addon'), () => {
  async function failing(thrown: Error): Promise<Error> {
    class Broken extends TestServer {
      override warmUp(): Promise<void> {
        return Promise.reject(thrown);
      }
    }
    const error = await rejection(new Broken().start());
    expect(error.cause).toBe(thrown);
    expect(error.stack).toMatch(HERE);
    return error;
  }

  test.each([
    ['an error', new TypeError('no database')],
    [
      'a system error',
      Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' }),
    ],
    ['a frozen one', Object.freeze(Object.assign(new Error('read'), { syscall: 'read' }))],
  ])('keeps its stack: %s', async (_, thrown) => {
    const before = thrown.stack;
    await failing(thrown);
    expect(thrown.stack).toBe(before);
  });

  test('may lead to itself', async () => {
    const one = new Error('one');
    one.cause = new Error('other', { cause: one });
    expect((await failing(one)).message).toContain('one');
  });

  test('may have causes that cannot be looked at', async () => {
    const thrown = Object.defineProperty(new Error('odd'), 'cause', {
      get: () => {
        throw new Error('not this');
      },
    });
    expect((await failing(thrown)).message).toContain('odd');
  });
});

test('a frozen error does no harm', () => {
  const error = Object.freeze(new UninterruptibleError('UNINTERRUPTIBLE_STOPPED'));
  leadTo(callSite(), error);
  expect(error.stack).toMatch(HERE);
});

describe('an error stays as it is', () => {
  function untouched(error: Error, site = callSite()): void {
    const before = error.stack;
    leadTo(site, error);
    expect(error.stack).toBe(before);
  }

  test('if it is a mistake of the library', () => {
    untouched(new TypeError('undefined is not a function'));
  });

  test.each<[string, (error: Error, frames: NodeJS.CallSite[]) => unknown]>([
    ['as a list', (_, frames) => frames],
    ['not at all', () => undefined],
    [
      'with a mistake',
      () => {
        throw new Error('of the formatter');
      },
    ],
  ])('if the program writes stacks %s', (_, prepare) => {
    const error = new UninterruptibleError('UNINTERRUPTIBLE_STOPPED');
    expect(error.stack).toBeTypeOf('string');
    const { prepareStackTrace } = Error;
    try {
      const site = callSite();
      Error.prepareStackTrace = prepare;
      untouched(error, site);
    } finally {
      Error.prepareStackTrace = prepareStackTrace;
    }
  });

  test('if the program wants no stacks', () => {
    const { stackTraceLimit } = Error;
    try {
      Error.stackTraceLimit = 0;
      untouched(new UninterruptibleError('UNINTERRUPTIBLE_STOPPED'));
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  });
});
