import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { callSite, leadTo } from '../src/call-site.js';
import { ConfigurationError, Server } from '../src/index.js';
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
  expect(error.stack).not.toContain(LIBRARY);
  expect(error.stack).toMatch(HERE);
  const printed = inspect(error);
  expect(error.problems).toHaveLength(2);
  for (const problem of error.problems) expect(printed.split(problem)).toHaveLength(2);
});

test('a port in use leads to the call, and says what to do', requirement('addon'), async () => {
  const server = await serving();
  const [listener] = server.boundListeners;
  const error = await rejection(new TestServer(undefined, { bind: listener?.bound ?? '' }).start());
  expect(error.message).toBe(
    `${listener?.bound} is in use by another process: \`ss -ltnp\` says which. If it is this server, restart it instead; a second one takes over only with the same controlPath.`,
  );
  expect(error.stack).not.toContain(LIBRARY);
  expect(error.stack).toMatch(HERE);
  const cause = error.cause as NodeJS.ErrnoException;
  expect(cause.code).toBe('EADDRINUSE');
  expect(cause.stack).not.toContain(LIBRARY);
});

test('what a hook threw keeps its stack, and each frame is there once', requirement('addon'), async () => {
  const thrown = new TypeError('no database');
  const before = thrown.stack;
  class Broken extends TestServer {
    override warmUp(): Promise<void> {
      return Promise.reject(thrown);
    }
  }
  const error = await rejection(new Broken(undefined, { bind: 'tcp://127.0.0.1:0' }).start());
  expect(error.cause).toBe(thrown);
  expect(thrown.stack).toBe(before);
  const frames = error.stack?.split('\n').filter((line) => /^ +at /.test(line)) ?? [];
  expect(frames).toEqual([...new Set(frames)]);
});

test('a mistake of the library keeps its own frames', () => {
  const error = new TypeError('undefined is not a function');
  const before = error.stack;
  leadTo(callSite(), error);
  expect(error.stack).toBe(before);
});
