/** Other processes as /proc shows them: state, parents, sessions, descriptors. Linux only. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** How a process ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Resolves when the process has exited: `exit`, not `close`, because its stdout lives on in its successors. */
export async function exitOf(child: ChildProcess): Promise<Exit> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return { code: child.exitCode, signal: child.signalCode };
}

/** Fields of /proc/PID/stat after the name: state, parent, process group, session, …; none of one that has gone. */
export function statOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** `R`, `S`, `T` (stopped), `Z`, …, or undefined of a process that does not exist. */
export function stateOf(pid: number): string | undefined {
  return statOf(pid)[0];
}

/** Whether it is there and not dead. */
export function isAlive(pid: number): boolean {
  const state = stateOf(pid);
  return state !== undefined && state !== 'Z';
}

/** Its dead children that it did not wait for. */
export function zombiesOf(pid: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((child) => stateOf(child) === 'Z' && parentOf(child) === pid);
}

/** Kilobytes of memory that are resident. */
export function residentMemory(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

export function parentOf(pid: number): number {
  return Number(statOf(pid)[1]);
}

export function sessionOf(pid: number): number {
  return Number(statOf(pid)[3]);
}

/** The words a process was started with. */
export function commandOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
}

/** What one descriptor of a process is, as `pipe:[123]`; undefined if it has none of that number. */
export function descriptorOf(pid: number, fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return undefined;
  }
}

/** What all descriptors of a process are, sorted. */
export function descriptorsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`)
    .map((fd) => descriptorOf(pid, Number(fd)))
    .filter((target) => target !== undefined)
    .sort();
}

/** The same without the numbers that differ between two of a kind. */
export function descriptorKindsOf(pid: number): string[] {
  return descriptorsOf(pid).map((target) => target.replace(/\[\d+\]$/, ''));
}

/** What is in `now` and was not in `before`, or not so often. */
export function addedTo(before: readonly string[], now: readonly string[]): string[] {
  const left = [...before];
  return now.filter((target) => {
    const at = left.indexOf(target);
    if (at !== -1) left.splice(at, 1);
    return at === -1;
  });
}

/** Starts a program of fixtures/ that is no server. Killed with `child.kill()`; its stderr is ours. */
export function startProgram(
  name: string,
  ...args: string[]
): { child: ChildProcess; lines: AsyncIterator<string> } {
  const path = fileURLToPath(new URL(`../fixtures/${name}.mjs`, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}
