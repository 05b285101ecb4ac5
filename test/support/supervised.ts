/** The command `supervise`, to be given to a test of generations in front of its server. */
import { fileURLToPath } from 'node:url';
import { COMMAND } from './command.js';

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
