import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Log } from '../../src/log/log.js';
import { runHooks } from '../../src/service/hooks.js';
import type { Service } from '../../src/service/service.js';
import { KeptLog } from '../support/in-process.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A service whose hook does not settle until it is told to. */
function hanging(): { log: KeptLog; service: Service; settle: () => void; stop: () => void } {
  const log = new KeptLog();
  let [settle, stop] = [() => {}, () => {}];
  const hook = new Promise<void>((resolve) => {
    settle = resolve;
  });
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const service = {
    log: new Log(log, () => 1, { debugging: true }),
    members: [{ onStop: () => hook }],
    stopped,
  } as unknown as Service;
  return { log, service, settle, stop };
}

test('a hook that does not settle is named twice a minute, and keeps the process alive until it does', async () => {
  const { log, service, settle } = hanging();
  const timers = vi.spyOn(globalThis, 'setInterval');
  const done = runHooks(service, 'onStop');
  expect((timers.mock.results[0]?.value as NodeJS.Timeout).hasRef()).toBe(true);
  await vi.advanceTimersByTimeAsync(29_999);
  expect(log.entries).toEqual([]);
  await vi.advanceTimersByTimeAsync(30_001);
  expect(log.entries.map(({ level, message }) => `${level}: ${message}`)).toEqual(
    Array<string>(2).fill('warn: still waiting for onStop()'),
  );
  settle();
  await done;
  expect(vi.getTimerCount()).toBe(0);
});

test('a hook that a stop did not wait for keeps nothing alive', async () => {
  const { service, stop } = hanging();
  void runHooks(service, 'onStop');
  stop();
  await vi.advanceTimersByTimeAsync(0);
  expect(vi.getTimerCount()).toBe(0);
});
