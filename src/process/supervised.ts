/** The one child of a supervisor: in a session of its own, so that signals reach it through its supervisor only. */
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { Exit } from './child.js';

/** What a shell says of a command that is not found, and of one that cannot be run. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** Resolves when it runs. Rejects with the reason, whose `exitCode` is what a shell would end with. */
export async function startSupervised(
  command: readonly string[],
  environment: Record<string, string>,
): Promise<{ pid: number; exited: Promise<Exit> }> {
  const { spawn } = process.getBuiltinModule('node:child_process');
  const [file = '', ...args] = command;
  let child: ChildProcess;
  try {
    child = spawn(file, args, { env: environment, stdio: 'inherit', detached: true });
  } catch (error) {
    // Some errors Node tells at once, and others later.
    throw unstartable(file, error as NodeJS.ErrnoException);
  }
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error: NodeJS.ErrnoException) => reject(unstartable(file, error)));
  });
  return { pid: child.pid ?? 0, exited };
}

function unstartable(file: string, cause: NodeJS.ErrnoException): Error & { exitCode: number } {
  if (cause.code !== 'ENOENT') {
    const why = cause.code === 'EACCES' ? 'it may not be executed' : cause.message;
    return Object.assign(new Error(why, { cause }), { exitCode: NOT_EXECUTABLE });
  }
  // The kernel says the same of a script whose interpreter is missing.
  const where = file.includes('/') ? 'there is no such file' : 'it is not in PATH';
  const why = `${where}, or its #! names none`;
  return Object.assign(new Error(why, { cause }), { exitCode: NOT_FOUND });
}

/** As a shell tells it: 128 and the number of the signal. */
export function exitCodeOf({ code, signal }: Exit): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
