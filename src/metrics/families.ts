/** What is told to Prometheus: each family with its type and its sentence. `docs/metrics.md` has the same table. */
import type { FamilyType } from './text.js';

const families = {
  uninterruptible_connections_accepted_total: [
    'counter',
    'Connections accepted, by all generations together.',
  ],
  uninterruptible_connections_refused_total: [
    'counter',
    'Connections refused after they were accepted: by the allow-list (address), or because the TLS handshake failed (tls).',
  ],
  uninterruptible_connections_cut_total: [
    'counter',
    'Connections in use that a drain cut at its deadline, or because the process was told to leave at once.',
  ],
  uninterruptible_requests_total: ['counter', 'HTTP requests asked, of all generations together.'],
  uninterruptible_handovers_total: [
    'counter',
    'Restarts and take-overs: done, or failed while the process before served on. Failed rollbacks count as failed.',
  ],
  uninterruptible_rollbacks_total: [
    'counter',
    'Times the process before served again: by order, or because its successor died (death).',
  ],
  uninterruptible_processes_lost_total: [
    'counter',
    'Draining processes that died. What they had counted since their last report is missing in all counters.',
  ],
  uninterruptible_handover_duration_seconds: [
    'histogram',
    'Hand-overs that were done: from the order to restart, or the first packet of another process, to the new owner.',
  ],
  uninterruptible_drain_duration_seconds: [
    'histogram',
    'Drains: from the last accept of a process to the end of its last connection.',
  ],
  uninterruptible_connections: [
    'gauge',
    'Open connections, by generation and by whether anything is going on.',
  ],
  uninterruptible_generation: ['gauge', 'The generation of the owner.'],
  uninterruptible_draining_processes: ['gauge', 'Processes of earlier generations that drain or stand by.'],
  uninterruptible_process_start_time_seconds: ['gauge', 'When the process that answers was started.'],
  uninterruptible_counters_start_time_seconds: [
    'gauge',
    'When the service began to count. Counters begin at nought only when this changes.',
  ],
  uninterruptible_build_info: ['gauge', 'Always 1; the labels say which versions run.'],
} as const;

export type FamilyName = keyof typeof families;

export const FAMILIES: Readonly<Record<FamilyName, readonly [type: FamilyType, help: string]>> = families;
