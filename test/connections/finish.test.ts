import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { dropUnread, finish } from '../../src/connections/finish.js';
import { client, portOf, received } from '../support/in-process.js';

const LINGER = 5_000;
/** More than the socket buffers of both sides hold. */
const LARGE = 'x'.repeat(16 * 1024 * 1024);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Both ends of a connection: the client's, and the server's. */
async function pair(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.close();
  });
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const near = await client({ port: portOf(server.address()), host: '127.0.0.1', allowHalfOpen: true });
  const [far] = await accepted;
  onTestFinished(() => {
    far.destroy();
  });
  return { near, far };
}

test('a client that does not close is dropped five seconds after the last byte was sent', async () => {
  const { near, far } = await pair();
  far.write('bye');
  finish(far);
  expect(await received(near)).toBe('bye');
  await vi.advanceTimersByTimeAsync(LINGER - 1);
  expect(far.destroyed).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(far.destroyed).toBe(true);
});

test('so is one whose handler had ended the connection itself', async () => {
  const { near, far } = await pair();
  far.end('bye');
  expect(await received(near)).toBe('bye');
  await vi.waitUntil(() => far.writableFinished);
  finish(far);
  await vi.advanceTimersByTimeAsync(LINGER);
  expect(far.destroyed).toBe(true);
});

test('a client that reads slowly gets everything, however long it takes', async () => {
  const { near, far } = await pair();
  far.write(LARGE);
  finish(far);
  await vi.advanceTimersByTimeAsync(10 * LINGER);
  expect(far.destroyed).toBe(false);
  expect((await received(near)).length).toBe(LARGE.length);
});

test('a client that closes ends the connection at once, and leaves no timer', async () => {
  const { near, far } = await pair();
  finish(far);
  near.end();
  await once(far, 'close');
  expect(vi.getTimerCount()).toBe(0);
});

test('a client that had closed before ends the connection at once', async () => {
  const { near, far } = await pair();
  far.resume();
  near.end();
  await once(far, 'end');
  far.write('answer');
  finish(far);
  expect(await received(near)).toBe('answer');
  if (!far.closed) await once(far, 'close');
  expect(vi.getTimerCount()).toBe(0);
});

test('what a client sent and nobody read does not hold the connection', async () => {
  const { near, far } = await pair();
  near.end(LARGE);
  far.pause();
  far.write('answer');
  finish(far);
  expect(await received(near)).toBe('answer');
  if (!far.closed) await once(far, 'close');
  expect(vi.getTimerCount()).toBe(0);
});

test('nothing is read by former listeners any more', async () => {
  const { near, far } = await pair();
  const seen: string[] = [];
  far.on('data', (chunk) => seen.push(String(chunk)));
  finish(far);
  near.end('too late');
  await once(far, 'close');
  expect(seen).toEqual([]);
});

test('a destroyed socket is left alone', async () => {
  const { far } = await pair();
  far.destroy();
  finish(far);
  expect(vi.getTimerCount()).toBe(0);
});

test('what a client sent to a handler that only answers is dropped five seconds after the answer', async () => {
  const { near, far } = await pair();
  near.end('a question that nobody reads');
  far.allowHalfOpen = false;
  dropUnread(far);
  const sent = once(far, 'finish');
  far.end('bye');
  expect(await received(near)).toBe('bye');
  await sent;
  await vi.advanceTimersByTimeAsync(LINGER - 1);
  expect(far.destroyed).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  await vi.waitUntil(() => far.destroyed);
});

test('who begins to read before that gets all of it', async () => {
  const { near, far } = await pair();
  near.end('a question');
  dropUnread(far);
  const sent = once(far, 'finish');
  far.end('wait');
  await sent;
  await vi.advanceTimersByTimeAsync(LINGER - 1);
  far.setEncoding('utf8');
  expect(await received(far)).toBe('a question');
});

test('a handler that reads is left alone', async () => {
  const { far } = await pair();
  far.on('data', () => {});
  dropUnread(far);
  expect(far.listenerCount('finish')).toBe(0);
});
