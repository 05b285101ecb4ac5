import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Quota } from '../../src/log/quota.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function take(quota: Quota, times: number): number {
  return Array.from({ length: times }, () => quota.take()).filter(Boolean).length;
}

test('ten a minute are let through, and the others told as a number when it is over', () => {
  const heldBack = vi.fn();
  const quota = new Quota(heldBack);
  expect(take(quota, 1_000)).toBe(10);
  vi.advanceTimersByTime(59_999);
  expect(take(quota, 1)).toBe(0);
  expect(heldBack).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(heldBack.mock.calls).toEqual([[991]]);
  expect(take(quota, 1_000)).toBe(10);
});

test('a minute in which none was held back is not mentioned', () => {
  const heldBack = vi.fn();
  const quota = new Quota(heldBack);
  expect(take(quota, 10)).toBe(10);
  vi.advanceTimersByTime(60_000);
  expect(heldBack).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});
