import type { Cluster } from 'node:cluster';
import { UninterruptibleError } from '../errors.js';

/** In a cluster worker `listen` goes to the primary, which opens a descriptor of its own of that number (measured). */
export function refuseCluster(): void {
  // Loaded here and not above: node:cluster brings node:child_process along. Its types are those of its namespace.
  if (!(process.getBuiltinModule('node:cluster') as unknown as Cluster).isWorker) return;
  throw new UninterruptibleError(
    'UNINTERRUPTIBLE_RUN_IN_CLUSTER',
    'A server was started in a node:cluster worker (or under pm2 -i). Its primary owns the sockets: run one plain process.',
  );
}
