/** Which file a command means, as a shell looks for it: found out before anything is begun that a slip would undo. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What a shell ends with. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** Of execvp(3), where nobody says. An empty PATH would mean the directory we are in. */
const DEFAULT_PATH = '/bin:/usr/bin';

/** The path of the file. Throws an error whose `exitCode` is what a shell would end with. */
export function findProgram(name: string, path: string | undefined): string {
  if (name.includes('/')) return checked(name, name);
  let unfit: Error | undefined;
  for (const directory of (path ?? DEFAULT_PATH).split(delimiter)) {
    const file = join(directory === '' ? '.' : directory, name);
    try {
      return checked(file, name);
    } catch (error) {
      if ((error as { exitCode?: number }).exitCode === NOT_EXECUTABLE) unfit ??= error as Error;
    }
  }
  throw unfit ?? refusal(`${name} is not in PATH`, NOT_FOUND);
}

function checked(file: string, name: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) throw refusal(`${name} does not exist`, NOT_FOUND);
  if (stats.isDirectory()) throw refusal(`${file} is a directory`, NOT_EXECUTABLE);
  try {
    accessSync(file, constants.X_OK);
  } catch {
    throw refusal(`${file} may not be executed`, NOT_EXECUTABLE);
  }
  return file;
}

function refusal(message: string, exitCode: number): Error {
  return Object.assign(new Error(message), { exitCode });
}
