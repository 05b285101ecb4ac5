/**
 * The descriptors of this process, and the rule that a test ends with those it began with.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, expect } from 'vitest';

/** Together twice as long. */
const LONGEST_WAIT = 2_048;
const IS_FILE = /^\d+: \//;

/** What each open descriptor is, as `number: target` of /proc/self/fd. */
export function openDescriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [`${fd}: ${readlinkSync(`/proc/self/fd/${fd}`)}`];
    } catch {
      return []; // the one that read the directory
    }
  });
}

/** For the top of a test file: every test leaves as many descriptors open as it found. */
export function expectNoDescriptorLeak(): void {
  beforeEach(({ onTestFinished }) => {
    const before = openDescriptors();
    // Registered first, so it runs last.
    onTestFinished(() => expectAsMany(before));
  });
}

async function expectAsMany(before: readonly string[]): Promise<void> {
  // Pipes of child processes are closed some turns after their end, which no event tells.
  // Looked at seldom: each look makes garbage, and its collection would close what was forgotten.
  for (let wait = 1; openDescriptors().length > before.length && wait <= LONGEST_WAIT; wait *= 2) {
    await delay(wait);
  }
  const after = openDescriptors();
  const opened = after.filter((entry) => !before.includes(entry));
  const closed = before.filter((entry) => !after.includes(entry));
  const what = `left open: ${opened.join(', ')}; closed: ${closed.join(', ')}`;
  // Node may have been reading a file as the test began (its certificates, in a thread of its own: Node 24).
  const read = closed.filter((entry) => IS_FILE.test(entry)).length;
  expect(after.length, what).toBeLessThanOrEqual(before.length);
  expect(after.length, what).toBeGreaterThanOrEqual(before.length - read);
}
