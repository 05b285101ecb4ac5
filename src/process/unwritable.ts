/** Why a file cannot be made or written, in the words of whoever has to put it right; the kernel names only our own temporary files. */
import { lstatSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

const STICKY = 0o1000;

/** The uid of whoever alone may replace what stands at a path: in a sticky directory nobody else may rename over it. */
export function otherOwnerOf(path: string): number | undefined {
  const ours = process.geteuid?.();
  const file = lstatSync(path, { throwIfNoEntry: false });
  if (file === undefined || ours === 0 || file.uid === ours) return undefined;
  const around = statSync(dirname(path));
  return (around.mode & STICKY) !== 0 && around.uid !== ours ? file.uid : undefined;
}

/** The rest of a sentence that begins with the path, or with what was to be done. */
export function whyUnwritable(path: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const directory = dirname(path);
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      if (!exists(directory)) return `directory ${directory} does not exist`;
      return statSync(directory).isDirectory() ? message : `${directory} is not a directory`;
    case 'EACCES':
    case 'EPERM':
      return `${isInTheWay(path) ? path : `directory ${directory}`} may not be written by uid ${process.geteuid?.()}`;
    default:
      return message;
  }
}

function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false; // Somewhere we may not look.
  }
}

/** Whether it is the file itself that may not be written. A socket or a temporary file is replaced, by name. */
function isInTheWay(path: string): boolean {
  return exists(path) && statSync(path).isFile();
}
