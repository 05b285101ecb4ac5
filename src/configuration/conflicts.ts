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

/** Two files in one place: the later would replace the earlier. */
export function refuseSharedPaths(
  process: ProcessConfiguration,
  servers: readonly ServerConfiguration[],
  problems: Problems,
): void {
  const owners = new Map<string, string>();
  const claim = (path: string | null, owner: string): void => {
    if (path === null) return;
    const other = owners.get(path);
    if (other === undefined) owners.set(path, owner);
    else if (other !== owner) {
      problems.add(`${other} and ${owner} are the same path, ${print(path)}; give each its own.`);
    }
  };
  claim(process.controlPath, 'controlPath');
  claim(process.controlPath && `${process.controlPath}.lock`, 'the lock file beside controlPath');
  claim(process.pidfilePath, 'pidfilePath');
  claim(process.logPath, 'logPath');
  for (const address of servers.flatMap(({ listeners }) => listeners)) {
    if (address.kind === 'unix' && !address.abstract) claim(address.path, 'a UNIX socket in bind');
  }
}
