/**
 * What the kernel tells of other processes (proc(5)): who has which lock file open, and what it was started
 * with. Reads only; there is no file of ours that could be out of date.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { statOf } from '../process/process-stat.js';

/** A lock file `<controlPath>.lock` that a process has open. */
export interface HeldLock {
  readonly pid: number;
  /** How this process reaches it: through /proc/<pid>/root where the holder sees other mounts. */
  readonly controlPath: string;
  /** Device and inode of the lock file. */
  readonly file: string;
}

const LOCK = '.lock';

/** SIGSTOP, or a debugger, holds it. */
export function isStopped(pid: number): boolean {
  return /^[Tt]$/.test(statOf(pid)?.state ?? '');
}

/** The processes of our user; of all users for root. */
function ourProcesses(): number[] {
  const ours = process.geteuid?.();
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => ours === 0 || userOf(pid) === ours);
}

export function userOf(pid: number): number | undefined {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
}

/** Throws EACCES for a process of somebody else, and ENOENT when it has ended. */
export function descriptorsOf(pid: number): string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).flatMap((name) => {
    try {
      return readlinkSync(`${directory}/${name}`);
    } catch {
      return []; // Closed since.
    }
  });
}

/** The lock files that a process has open. A removed one is that of no server. Throws as `descriptorsOf`. */
export function locksHeldBy(pid: number): HeldLock[] {
  const directory = `/proc/${pid}/fd`;
  const found = new Map<string, HeldLock>();
  for (const name of readdirSync(directory)) {
    const lock = lockAt(pid, `${directory}/${name}`);
    if (lock !== undefined) found.set(lock.file, lock);
  }
  return [...found.values()];
}

function lockAt(pid: number, descriptor: string): HeldLock | undefined {
  try {
    const target = readlinkSync(descriptor);
    if (!target.startsWith('/') || !target.endsWith(LOCK)) return undefined;
    const file = fileAt(descriptor);
    // The second is for a holder in a container, which sees other mounts.
    const lockPath = [target, `/proc/${pid}/root${target}`].find((path) => fileAt(path) === file);
    if (file === undefined || lockPath === undefined) return undefined;
    return { pid, file, controlPath: lockPath.slice(0, -LOCK.length) };
  } catch {
    return undefined; // Closed since.
  }
}

/** The processes (of ours) that have the lock file of a control path open: its owner, and who can serve again. */
export function holdersOf(controlPath: string): number[] {
  const file = fileAt(`${controlPath}${LOCK}`);
  if (file === undefined) return [];
  return ourProcesses().filter((pid) =>
    ifReadable(() => locksHeldBy(pid))?.some((lock) => lock.file === file),
  );
}

/** The lock files that anybody of ours has open, each once for each holder. */
export function locksHeldByOurs(): HeldLock[] {
  return ourProcesses().flatMap((pid) => ifReadable(() => locksHeldBy(pid)) ?? []);
}

/** One of the lines `name: value` of a file like /proc/<pid>/status. */
export function statusLine(pid: number, name: string): string | undefined {
  const line = read(`/proc/${pid}/status`)
    ?.split('\n')
    .find((text) => text.startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim();
}

/** The environment a process was started with, or undefined if it may not be read. */
export function environmentOf(pid: number): Map<string, string> | undefined {
  const text = read(`/proc/${pid}/environ`);
  if (text === undefined) return undefined;
  return new Map(
    text.split('\0').flatMap((entry): [string, string][] => {
      const at = entry.indexOf('=');
      return at > 0 ? [[entry.slice(0, at), entry.slice(at + 1)]] : [];
    }),
  );
}

/** The text of a file of /proc, or undefined if the process is gone or somebody else's. */
export function read(path: string): string | undefined {
  return ifReadable(() => readFileSync(path, 'utf8'));
}

function fileAt(path: string): string | undefined {
  return ifReadable(() => {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  });
}

/** Processes end while they are looked at, and some are not ours to look at. */
function ifReadable<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
