/** Who is who in a trial, by what each process has said and whether it lives. */
import type { Line } from '../support/generations.js';
import { isAlive } from '../support/processes.js';

/** `busy`: something is under way that ends by itself. */
type Role = 'dead' | 'owner' | 'former' | 'busy';

const SAYS: Record<string, Role> = {
  'rolling back': 'busy',
  'taking back': 'busy',
  'the service was not taken back': 'former',
  restarting: 'busy',
  started: 'busy',
  'handing over': 'busy',
  'successor ready': 'busy',
  'successor vanished': 'busy',
  'the successor vanished': 'busy',
  'another process was faster, trying again': 'busy',
  serving: 'owner',
  'rolled back': 'owner',
  'hand-over failed, serving on': 'owner',
  'handed over': 'former',
  'can no longer serve again': 'former',
};

export function rolesOf(pids: readonly number[], lines: readonly Line[]): Map<number, Role> {
  const roles = new Map<number, Role>(pids.map((pid) => [pid, 'busy']));
  for (const { pid, msg } of lines) {
    const role = SAYS[msg];
    if (role !== undefined && roles.has(pid)) roles.set(pid, role);
  }
  for (const pid of pids) if (!isAlive(pid)) roles.set(pid, 'dead');
  return roles;
}

/** The owner, when one has the service and nobody is about to change that; null when nobody is left; undefined until then. */
export function settledOwner(roles: ReadonlyMap<number, Role>): number | null | undefined {
  const living = [...roles].filter(([, role]) => role !== 'dead');
  if (living.length === 0) return null;
  const owners = living.filter(([, role]) => role === 'owner');
  if (owners.length !== 1 || living.some(([, role]) => role === 'busy')) return undefined;
  return owners[0]![0];
}
