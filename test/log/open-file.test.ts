import { fstatSync, type open } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openForAppending } from '../../src/log/open-file.js';
import { temporaryDirectory } from '../support/in-process.js';

type Callback = (error: NodeJS.ErrnoException | null, fd: number) => void;

test('a file that cannot be opened in time is given up, and closed should it be opened yet', async () => {
  const path = join(temporaryDirectory(), 'log');
  let answer: Callback | undefined;
  const slow = ((...[, , , callback]: [string, number, number, Callback]) => {
    answer = callback;
  }) as typeof open;
  await expect(openForAppending(path, { open: slow, patience: 20 })).rejects.toThrow('within 20 ms');
  const fd = await openForAppending(path);
  expect(fstatSync(fd).isFile()).toBe(true);
  answer?.(null, fd);
  await expect.poll(() => isOpen(fd)).toBe(false);
});

function isOpen(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}
