/**
 * Where a control socket lives when nobody named a path: a fresh 0700 directory of our own, one per service, handed on
 * from generation to generation and removed at the final stop.
 */
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { Binding } from '../binding.js';
import { Ownership } from './ownership.js';

const PREFIX = 'uninterruptible-';
/** What `mkdtemp` makes of the prefix. */
const MADE_HERE = /^uninterruptible-[A-Za-z0-9]{6}$/;
const SOCKET_NAME = 'control';
/** A directory this old whose locks nobody holds belonged to a server that was killed. */
const STALE_MILLISECONDS = 60_000;

/** The control path in a new private directory, or why no directory will do. `tryOut` throws if sockets or locks do not work there. */
export function createPrivateControlPath(
  environment: Readonly<Record<string, string | undefined>>,
  tryOut: (path: string) => void,
): { path: string } | { unusable: string } {
  return createPrivatePath(environment, SOCKET_NAME, tryOut);
}

/** The same for any other name. */
export function createPrivatePath(
  environment: Readonly<Record<string, string | undefined>>,
  name: string,
  tryOut: (path: string) => void,
): { path: string } | { unusable: string } {
  const problems: string[] = [];
  for (const base of baseDirectories(environment)) {
    try {
      const directory = createIn(base);
      try {
        const path = join(directory, name);
        tryOut(path);
        return { path };
      } catch (error) {
        rmSync(directory, { recursive: true, force: true });
        throw error;
      }
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  return { unusable: problems.join('; ') };
}

function createIn(base: () => string): string {
  try {
    return mkdtempSync(join(base(), PREFIX));
  } catch (error) {
    // The last server of this uid to stop removes the directory around its own, perhaps in this very moment.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return mkdtempSync(join(base(), PREFIX));
  }
}

/** Whether a path is one `createPrivateControlPath` made, here or in an earlier generation. */
export function isPrivateControlPath(path: string): boolean {
  return basename(path) === SOCKET_NAME && MADE_HERE.test(basename(dirname(path)));
}

/** Makes the directory again that a cleaner removed. Throws if somebody else has its name now. */
export function restorePrivateDirectory(controlPath: string): void {
  const around = dirname(dirname(controlPath));
  if (around === perUserDirectory()) ensureDirectory(around);
  ensureDirectory(dirname(controlPath));
  checked(dirname(controlPath), 0o077);
}

/** Removes the directory of a private path, and the per-uid one around it if it is empty. */
export function removePrivateDirectory(path: string): void {
  const directory = dirname(path);
  try {
    rmdirSync(directory);
    const around = dirname(directory);
    if (around === perUserDirectory()) rmdirSync(around);
  } catch {
    // Not empty: another server of this uid lives there.
  }
}

/**
 * Removes what killed servers of this uid left behind. Only directories whose locks can be had are theirs to lose. Best
 * effort: never throws.
 */
export function sweepPrivateDirectories(binding: Binding, controlPath: string): void {
  const around = dirname(dirname(controlPath));
  for (const name of namesIn(around)) {
    const directory = join(around, name);
    const socket = join(directory, SOCKET_NAME);
    if (!MADE_HERE.test(name) || socket === controlPath) continue;
    try {
      const stats = lstatSync(directory);
      if (!isOurs(stats) || Date.now() - stats.ctimeMs < STALE_MILLISECONDS) continue;
      // A lock that we would make ourselves proves nothing.
      lstatSync(`${socket}.lock`);
      const ownership = Ownership.of(binding, socket);
      try {
        if (ownership.tryNext() && ownership.tryOwner()) {
          for (const ending of ['', '.next', '.owner', '.lock']) {
            rmSync(`${socket}${ending}`, { force: true });
          }
          // Throws, and it stays, if anything else is in it.
          rmdirSync(directory);
        }
      } finally {
        ownership.close();
      }
    } catch {
      // Not one of ours after all, or gone already.
    }
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // This server has stopped meanwhile, and took it along.
  }
}

function baseDirectories(environment: Readonly<Record<string, string | undefined>>): (() => string)[] {
  // systemd separates several with colons; they are 0755, so our own 0700 directory goes inside.
  const runtime = environment['RUNTIME_DIRECTORY']?.split(':')[0];
  const session = environment['XDG_RUNTIME_DIR'];
  return [
    ...(runtime ? [() => checked(runtime)] : []),
    ...(session ? [() => checked(session)] : []),
    () => {
      ensureDirectory(perUserDirectory());
      return checked(perUserDirectory(), 0o077);
    },
    // Somebody else has that name: a directory of our own right there, whose name nobody could guess.
    () => resolve(tmpdir()),
  ];
}

/** Never the directories above: those are not ours to make. */
function ensureDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function perUserDirectory(): string {
  // Relative, it would be another directory for a child that starts elsewhere.
  return join(resolve(tmpdir()), `${PREFIX}${process.geteuid?.() ?? 0}`);
}

/** A directory that nobody else can have made or swapped: ours, not a link, and without the forbidden mode bits. */
function checked(directory: string, forbidden = 0o022): string {
  const stats = lstatSync(directory);
  if (!isOurs(stats)) throw new Error(`${directory} is not a directory of this user`);
  if ((stats.mode & forbidden) !== 0) throw new Error(`${directory} is open to other users`);
  return directory;
}

function isOurs(stats: { isDirectory(): boolean; uid: number }): boolean {
  return stats.isDirectory() && stats.uid === process.geteuid?.();
}
