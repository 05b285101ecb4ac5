/**
 * One process at a time looks at a path and changes it. Looking alone is not enough: between a look and a removal somebody
 * else may bind the path, and the inode does not tell, because file systems use a free one again at once (measured).
 */
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Binding } from '../binding.js';
import { UninterruptibleError } from '../errors.js';
import { fileAt } from './listener.js';

/** Whoever holds the lock needs a fraction of a millisecond. */
const DEADLINE_MILLISECONDS = 1_000;
const RETRY_MILLISECONDS = 5;

/** Does the work under a lock file beside the path, which is gone afterwards. Throws LISTENER_ADDRESS_IN_USE in time. */
export async function exclusively<T>(binding: Binding, path: string, work: () => T): Promise<T> {
  const lockPath = `${path}.uninterruptible-lock`;
  const deadline = performance.now() + DEADLINE_MILLISECONDS;
  for (;;) {
    const file = binding.openLockFile(lockPath);
    try {
      if (file.tryLock(0)) {
        const { device, inode } = file.identity();
        const found = fileAt(lockPath);
        // Else the one before us has removed it since we opened it: the lock of nothing.
        if (found?.device === device && found.inode === inode) {
          try {
            return work();
          } finally {
            rmSync(lockPath, { force: true });
          }
        }
      }
    } finally {
      file.close();
    }
    if (performance.now() >= deadline) {
      throw new UninterruptibleError(
        'UNINTERRUPTIBLE_LISTENER_ADDRESS_IN_USE',
        `Another process has been binding ${path} for ${DEADLINE_MILLISECONDS} ms (it holds ${lockPath}).`,
      );
    }
    await delay(RETRY_MILLISECONDS);
  }
}
