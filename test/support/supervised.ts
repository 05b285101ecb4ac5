/** Services under a supervisor, and its command, to be given to a test of generations in front of its server. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Binding } from '../../src/binding.js';
import { COMMAND } from './command.js';
import type { Generations, Version } from './generations.js';
import { nobody } from './operated.js';

const SERVER = fileURLToPath(new URL('../fixtures/server.mjs', import.meta.url));

export function superviseCommand(...command: string[]): [string, ...string[]] {
  return [process.execPath, COMMAND, 'supervise', '--', ...command];
}

export function serverCommand(optionsPath: string): [string, ...string[]] {
  return [process.execPath, SERVER, optionsPath];
}

export function supervisedServer(optionsPath: string): [string, ...string[]] {
  return superviseCommand(...serverCommand(optionsPath));
}

/** As pid 1 of a pid namespace of its own, as in a container. */
export function asPid1(command: readonly string[]): [string, ...string[]] {
  const namespaces = ['--user', '--map-root-user', '--pid', '--fork', '--mount-proc', '--kill-child'];
  return ['unshare', ...namespaces, ...command];
}

interface Start extends Version {
  server?: Record<string, unknown>;
  environment?: Record<string, string>;
}

/** One that is not started yet. Ended with the test. */
export function prepare({ server = {}, environment: _, ...version }: Start = {}): Generations {
  const generations = nobody();
  redeploy(generations, { server, ...version });
  return generations;
}

export function redeploy(generations: Generations, { server = {}, environment: _, ...version }: Start): void {
  const { controlPath } = generations;
  generations.deploy({ ...version, servers: [{ bind: 'tcp://127.0.0.1:0', controlPath, ...server }] });
}

/** Resolves when it serves. */
export async function start(
  options: Start = {},
): Promise<{ generations: Generations; supervisor: ChildProcess }> {
  const generations = prepare(options);
  const supervisor = generations.launch({
    command: supervisedServer(generations.optionsPath),
    environment: options.environment ?? {},
  });
  await generations.line('serving');
  return { generations, supervisor };
}

/** A restart by a signal to the supervisor. Resolves with the pid of whoever serves then. */
export async function restart(generations: Generations, supervisor: ChildProcess): Promise<number> {
  const since = generations.lines.length;
  supervisor.kill('SIGUSR1');
  const { pid } = await generations.line('serving', undefined, since);
  await generations.line('handed over', undefined, since);
  return pid;
}

/** Where the process was told to speak. */
export function notifySocketOf(pid: number): string {
  const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  return (
    environment.find((entry) => entry.startsWith('NOTIFY_SOCKET='))?.slice('NOTIFY_SOCKET='.length) ?? ''
  );
}

/** False if the receiver has too much to read (net.unix.max_dgram_qlen). */
export function sent(binding: Binding, socket: string, text: string): boolean {
  try {
    binding.sendDatagram(socket, Buffer.from(text));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
    throw error;
  }
}
