import { expect, test, vi } from 'vitest';
import { closeWebSockets, type WebSocketLike } from '../../src/http.js';

/** So many, and when and how each was closed. */
function sockets(count: number): { all: WebSocketLike[]; closed: { at: number; words: unknown[] }[] } {
  const closed: { at: number; words: unknown[] }[] = [];
  const startedAt = performance.now();
  const close = (...words: unknown[]): void => {
    closed.push({ at: performance.now() - startedAt, words });
  };
  return { all: Array.from({ length: count }, () => ({ close })), closed };
}

test.each([[0], [0.5], [0.99]])(
  'each is closed with 1012 in a slot of its own, at a random moment in it: %s',
  async (moment) => {
    vi.spyOn(Math, 'random').mockReturnValue(moment);
    const { all, closed } = sockets(40);
    await closeWebSockets(all, { over: 400 });
    vi.restoreAllMocks();
    expect(closed.map(({ words }) => words)).toEqual(all.map(() => [1012, 'service restart']));
    // Later is the machine's fault; timers may be a millisecond early.
    for (const [index, { at }] of closed.entries()) {
      expect(at).toBeGreaterThanOrEqual((index + moment) * 10 - 2);
    }
  },
);

test('code and reason may be others, and over 0 ms it is done at once', async () => {
  const { all, closed } = sockets(3);
  const done = closeWebSockets(all, { over: 0, code: 4_000, reason: 'later' });
  expect(closed.map(({ words }) => words)).toEqual(all.map(() => [4_000, 'later']));
  await done;
  await closeWebSockets([]);
});

test('given up, the others stay open', async () => {
  vi.spyOn(Math, 'random').mockReturnValue(0);
  const { all, closed } = sockets(10);
  const controller = new AbortController();
  const done = closeWebSockets(all, { over: 3_600_000, signal: controller.signal });
  controller.abort();
  await done;
  vi.restoreAllMocks();
  expect(closed).toHaveLength(1);
});

test.each([[-1], [Number.NaN], [Number.POSITIVE_INFINITY]])('over %s is refused', async (over) => {
  await expect(closeWebSockets([], { over })).rejects.toThrow(
    /^over must be a number of milliseconds, 0 or more, not/,
  );
});
