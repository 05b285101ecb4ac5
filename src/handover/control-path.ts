/** Why a control path cannot be used, said in one way by everybody who tries. */
import { lstatSync } from 'node:fs';
import { UninterruptibleError } from '../errors.js';

/** CONTROL_PATH_TOO_LONG or CONTROL_PATH_UNUSABLE, the kernel's reason as cause. */
export function unusable(path: string, cause: unknown): UninterruptibleError {
  const tooLong = (cause as NodeJS.ErrnoException).code === 'ENAMETOOLONG';
  return new UninterruptibleError(
    tooLong ? 'UNINTERRUPTIBLE_CONTROL_PATH_TOO_LONG' : 'UNINTERRUPTIBLE_CONTROL_PATH_UNUSABLE',
    `The control path ${path} cannot be used: ${(cause as Error).message}`,
    { cause },
  );
}

/** A file that somebody named by mistake refuses connections as a dead server's socket does, and a rename would destroy it. */
export function refuseAllButSockets(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || stats.isSocket()) return;
  throw new UninterruptibleError(
    'UNINTERRUPTIBLE_CONTROL_PATH_UNUSABLE',
    `The control path ${path} holds something that is not a socket; remove it or choose another path.`,
  );
}
