/** What is around the processes of a service: their family, their files, and what the kernel keeps for them. */
import { readdirSync, readFileSync } from 'node:fs';
import { statOf } from '../support/processes.js';

export interface Family {
  /** Alive, the ancestor not counted. */
  alive: number;
  zombies: number;
}

/** All descendants of a process, which a subreaper keeps whoever of them dies. */
export function familyOf(ancestor: number): Family {
  const children = new Map<number, { pid: number; isDead: boolean }[]>();
  for (const pid of readdirSync('/proc').map(Number).filter(Number.isInteger)) {
    const [state, parent] = statOf(pid);
    if (state === undefined) continue;
    const siblings = children.get(Number(parent)) ?? [];
    children.set(Number(parent), [...siblings, { pid, isDead: state === 'Z' }]);
  }
  const family = { alive: 0, zombies: 0 };
  const count = (parent: number): void => {
    for (const { pid, isDead } of children.get(parent) ?? []) {
      family[isDead ? 'zombies' : 'alive'] += 1;
      count(pid);
    }
  };
  count(ancestor);
  return family;
}

/** Everything in a directory and below it. */
export function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true }).map(String).sort();
}

export interface KernelSockets {
  /** Connections and listeners at these ports, and UNIX sockets at these paths. */
  sockets: number;
  /** Bytes that wait in them to be sent or read. */
  queued: number;
}

/** What has no process any more is not counted: the client's memory of a connection that has ended (TIME_WAIT). */
const ENDED = '06';

export function kernelSockets(ports: readonly number[], directory: string): KernelSockets {
  const endings = ports.map((port) => `:${port.toString(16).toUpperCase().padStart(4, '0')}`);
  const found = { sockets: 0, queued: 0 };
  // number: local remote state sent:received …
  for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n')) {
    const [, local = '', , state, queues = ''] = line.trimStart().split(' ', 5);
    if (state === ENDED || !endings.some((ending) => local.endsWith(ending))) continue;
    found.sockets += 1;
    const [sent = '0', received = '0'] = queues.split(':');
    found.queued += Number.parseInt(sent, 16) + (state === '0A' ? 0 : Number.parseInt(received, 16));
  }
  const unix = readFileSync('/proc/net/unix', 'utf8').split('\n');
  found.sockets += unix.filter((line) => line.includes(directory)).length;
  return found;
}
