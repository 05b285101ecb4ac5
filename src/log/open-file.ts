/** Opens log files for appending, without waiting for whoever shall read them. */
import { close, constants, open } from 'node:fs';

/**
 * A FIFO that nobody reads is refused (ENXIO), one that is not read fast enough says so. A thread that waited for its
 * reader could not be called off, and the process would not end without it: neither by `process.exit` nor by a signal
 * that is caught.
 */
export const APPENDING: number =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/** A network file system that has gone away answers nothing. */
const PATIENCE = 5_000;

export interface Opening {
  /** As that of `node:fs`. */
  open?: typeof open;
  /** In ms. */
  patience?: number;
}

/** Resolves with a descriptor, which is the caller's. Rejects if it cannot be opened, or not in time. */
export function openForAppending(
  path: string,
  { open: opens = open, patience = PATIENCE }: Opening = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      reject(new Error(`${path} could not be opened within ${patience} ms`));
    }, patience);
    opens(path, APPENDING, 0o666, (error, fd) => {
      clearTimeout(timer);
      if (error !== null) reject(error);
      else if (late) close(fd);
      else resolve(fd);
    });
  });
}
