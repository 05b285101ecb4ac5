/** Paths: made absolute against the directory the process was started in; directories must exist. */
import { realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { type Given, type Problems, print } from './given.js';

/** An absolute path, or undefined with a problem added. */
export function readPath(given: Given, base: string, problems: Problems): string | undefined {
  const { label, value } = given;
  if (typeof value !== 'string' || value === '' || value.includes('\0')) {
    problems.add(`${label} must be a path, not ${print(value)}.`);
    return undefined;
  }
  return resolve(base, value);
}

/** The path of a file whose directory exists, or undefined with a problem added. */
export function readControlPath(given: Given, base: string, problems: Problems): string | undefined {
  const { label, value } = given;
  if (typeof value === 'string' && /^(@|unix:)/.test(value)) {
    problems.add(
      `${label} must be a plain file path, not ${print(value)}: the permissions of the file and its directory are what keeps others out.`,
    );
    return undefined;
  }
  const path = readPath(given, base, problems);
  if (path === undefined) return undefined;
  const directory = dirname(path);
  const trouble = whyNoDirectory(directory);
  if (trouble !== undefined) {
    problems.add(`${label} must be in an existing directory, and ${print(directory)} ${trouble}.`);
  }
  return path;
}

/**
 * The directory the start command runs in, symbolic links unresolved. By default `$PWD`, which unlike getcwd(3) still has the
 * symbolic link that was used to get here, if it tells the truth.
 */
export function readWorkingDirectory(
  given: Given | undefined,
  startedIn: string,
  pwd: string | undefined,
  problems: Problems,
): string {
  const here = pwd !== undefined && isAbsolute(pwd) && isSameDirectory(pwd, startedIn) ? pwd : startedIn;
  if (given === undefined) return here;
  // `..` means the kernel's parent directory, which behind a symbolic link is not the parent in the text.
  const climbs = typeof given.value === 'string' && given.value.split('/').includes('..');
  const path = readPath(given, climbs ? startedIn : here, problems);
  if (path === undefined) return here;
  const trouble = whyNoDirectory(path);
  if (trouble !== undefined) {
    problems.add(`${given.label} must be an existing directory, and ${print(path)} ${trouble}.`);
  }
  return path;
}

/** The error code of a failed system call, for a sentence. */
export function errorCode(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code);
}

function isSameDirectory(one: string, other: string): boolean {
  try {
    return realpathSync(one) === realpathSync(other);
  } catch {
    return false;
  }
}

function whyNoDirectory(path: string): string | undefined {
  try {
    return statSync(path).isDirectory() ? undefined : 'is not a directory';
  } catch (error) {
    return `cannot be used (${errorCode(error)})`;
  }
}
