/** Makes this process another program, which finds everything as this one was given it, and listening sockets from 3 on. */
import { readFileSync } from 'node:fs';
import type { Binding, Descriptor } from '../binding.js';
import { announceSockets } from './environment.js';
import { nulTerminated } from './words.js';

const STDIO = [0, 1, 2] as const;
const STDERR = 2;
const O_NONBLOCK = 0o4000;

/** Which of stdin, stdout and stderr were non-blocking when this was called: Node makes pipes so that it writes to. */
export function rememberStdio(): ReadonlySet<number> {
  return new Set(STDIO.filter((fd) => (flagsOf(fd) & O_NONBLOCK) !== 0));
}

export interface Program {
  /** The file that is executed. */
  path: string;
  /** Its arguments, its own name first: the last ones of this process. */
  words: readonly string[];
  sockets: readonly { name: string; descriptor: Descriptor }[];
  stdio: ReadonlySet<number>;
  /** Instead of the one this process has. */
  stderr: Descriptor | undefined;
}

/** Never returns. Throws if it could not even begin. */
export function becomeProgram(binding: Binding, { path, words, sockets, stdio, stderr }: Program): never {
  stderr?.replace(STDERR);
  for (const fd of STDIO) {
    if (!stdio.has(fd)) makeBlocking(binding, fd);
  }
  announceSockets(sockets.map(({ name }) => name));
  binding.executeProgram(
    path,
    bytesOf(words),
    sockets.map(({ descriptor }) => descriptor),
  );
}

/** As they came, byte by byte: what is no UTF-8 did not survive in the strings. */
function bytesOf(words: readonly string[]): Uint8Array {
  let given: Buffer;
  try {
    given = readFileSync('/proc/self/cmdline');
  } catch {
    given = Buffer.alloc(0);
  }
  let start = given.length;
  for (let left = words.length; left > 0 && start > 0; left--) {
    start = start < 2 ? 0 : given.lastIndexOf(0, start - 2) + 1;
  }
  const tail = given.subarray(start);
  const ours = nulTerminated(words);
  return tail.toString() === ours.toString() ? tail : ours;
}

function makeBlocking(binding: Binding, fd: number): void {
  let stdio: Descriptor;
  try {
    stdio = binding.adopt(fd);
  } catch {
    return; // It is closed.
  }
  stdio.setNonBlocking(false);
  // Else it would be closed with the object that owns it.
  stdio.release();
}

/** Status flags of the open file, as proc_pid_fdinfo(5) shows them. */
function flagsOf(fd: number): number {
  try {
    const text = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
    return Number.parseInt(/^flags:\s*(\d+)/m.exec(text)?.[1] ?? '0', 8);
  } catch {
    return 0;
  }
}
