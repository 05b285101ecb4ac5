/**
 * The descriptors of this process, and the rule that a test ends with those it began with.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, expect } from 'vitest';

const DEADLINE_MILLISECONDS = 5_000;

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
  // Pipes of child processes are closed some turns after their end.
  const deadline = Date.now() + DEADLINE_MILLISECONDS;
  while (openDescriptors().length > before.length && Date.now() < deadline) await delay(5);
  const after = openDescriptors();
  expect(after.length, `left open: ${after.filter((entry) => !before.includes(entry)).join(', ')}`).toBe(
    before.length,
  );
}
