/** What no two listeners or files may share. */
import type { ListenAddress } from '../listeners/address.js';
import { type Problems, print } from './given.js';
import type { ProcessConfiguration, ServerConfiguration } from './options.js';

/** TLS and allow-lists apply to these. */
export function isTcp(address: ListenAddress): boolean {
  return address.kind === 'tcp';
}

/** Several ports chosen by the kernel are fine. */
export function refuseDuplicateAddresses(servers: readonly ServerConfiguration[], problems: Problems): void {
  const owners = new Map<string, number>();
  for (const [index, { listeners }] of servers.entries()) {
    for (const address of listeners) {
      if (address.kind === 'tcp' && address.port === 0) continue;
      const owner = owners.get(address.requested);
      if (owner === undefined) owners.set(address.requested, index);
      else if (owner === index) problems.add(`${address.requested} is given twice; one listener is enough.`);
      else {
        problems.add(
          `${address.requested} is given for server ${owner + 1} and server ${index + 1}; a client can only reach one.`,
        );
      }
    }
  }
}

/** What the library makes beside a path for a while, by the ending of its name. */
const BESIDE_CONTROL_PATH = {
  '.lock': 'the lock file',
  '.next': 'the temporary socket',
  '.owner': 'the temporary socket',
} as const;
const BESIDE_PID_FILE = { '.next': 'the temporary file', '.owner': 'the temporary file' } as const;
const BESIDE_UNIX_SOCKET = { '.uninterruptible-lock': 'the lock file' } as const;

/** Two files in one place: the later would replace the earlier, or one remove the other. */
export function refuseSharedPaths(
  process: ProcessConfiguration,
  servers: readonly ServerConfiguration[],
  problems: Problems,
): void {
  const owners = new Map<string, string>();
  const made: { path: string; what: string }[] = [];
  const report = (one: string, other: string, path: string): void =>
    problems.add(`${one} and ${other} are the same path, ${print(path)}; give each its own.`);
  const claim = (path: string | null, owner: string, beside: Readonly<Record<string, string>> = {}): void => {
    if (path === null) return;
    const other = owners.get(path);
    if (other === undefined) owners.set(path, owner);
    else if (other !== owner) report(other, owner, path);
    for (const [ending, what] of Object.entries(beside)) {
      made.push({ path: `${path}${ending}`, what: `${what} beside ${owner}` });
    }
  };
  claim(process.controlPath, 'controlPath', BESIDE_CONTROL_PATH);
  claim(process.pidfilePath, 'pidfilePath', BESIDE_PID_FILE);
  claim(process.logPath, 'logPath');
  for (const address of servers.flatMap(({ listeners }) => listeners)) {
    if (address.kind === 'unix' && !address.abstract) {
      claim(address.path, 'a UNIX socket in bind', BESIDE_UNIX_SOCKET);
    }
  }
  // Only against what was configured: no ending is the end of another, so what is made meets only if its paths have met.
  for (const { path, what } of made) {
    const owner = owners.get(path);
    if (owner !== undefined) report(what, owner, path);
  }
}
