/**
 * The descriptors of this process, and the rule that a test ends with those it began with.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, expect } from 'vitest';

/** Together twice as long. */
const LONGEST_WAIT = 2_048;

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
  expect(after.length, `left open: ${after.filter((entry) => !before.includes(entry)).join(', ')}`).toBe(
    before.length,
  );
}
