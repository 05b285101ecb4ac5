/** Why a control path cannot be used, said in one way by everybody who tries. */
import { lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { UninterruptibleError } from '../errors.js';
import { otherOwnerOf } from '../process/unwritable.js';
import { isPrivateControlPath } from './control-directory.js';

/** CONTROL_PATH_TOO_LONG or CONTROL_PATH_UNUSABLE, the kernel's reason as cause. */
export function unusable(path: string, cause: unknown): UninterruptibleError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const tooLong = code === 'ENAMETOOLONG';
  const why = (code === 'EACCES' ? otherUserOf(path) : undefined) ?? message;
  return new UninterruptibleError(
    tooLong ? 'UNINTERRUPTIBLE_CONTROL_PATH_TOO_LONG' : 'UNINTERRUPTIBLE_CONTROL_PATH_UNUSABLE',
    `The control path ${path} cannot be used: ${why}`,
    { cause },
  );
}

/** Whose the path is, if it is not ours: a start command that becomes another user shows in nothing else. */
function otherUserOf(path: string): string | undefined {
  const ours = process.geteuid?.();
  const directory = dirname(path);
  const maker = uidOf(`${path}.lock`) ?? (isPrivateControlPath(path) ? uidOf(directory) : undefined);
  if (maker !== undefined && maker !== ours) {
    return `this process runs as uid ${ours}, its predecessor as uid ${maker}`;
  }
  const owner = uidOf(directory);
  if (owner === undefined || owner === ours) return undefined;
  return `this process runs as uid ${ours}, and directory ${directory} belongs to uid ${owner}`;
}

function uidOf(path: string): number | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.uid;
  } catch {
    return undefined; // Nor may we look.
  }
}

/** A file that somebody named by mistake refuses connections as a dead server's socket does, and a rename would destroy it. */
export function refuseAllButSockets(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  // Found out by the rename it would be too late: whoever has byte 0 must be found.
  const owner = otherOwnerOf(path);
  if (stats.isSocket() && owner === undefined) return;
  throw new UninterruptibleError(
    'UNINTERRUPTIBLE_CONTROL_PATH_UNUSABLE',
    stats.isSocket()
      ? `The control path ${path} belongs to uid ${owner}, in a directory of everybody's; choose another path.`
      : `The control path ${path} holds something that is not a socket; remove it or choose another path.`,
  );
}
