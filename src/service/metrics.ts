/** What a service counts over its generations, and how it tells Prometheus. */
import type { DrainingPeer } from '../handover/draining-peer.js';
import { histogram } from '../metrics/durations.js';
import { FAMILIES, type FamilyName } from '../metrics/families.js';
import { Ledger } from '../metrics/ledger.js';
import { type Sample, toText } from '../metrics/text.js';
import { randomBytes } from '../process/random.js';
import { VERSION } from '../version.js';
import type { Member } from './member.js';
import type { Service } from './service.js';

export function ledgerOf(members: readonly Member[]): Ledger {
  return new Ledger({
    process: randomBytes(8).toString('hex'),
    since: Math.round(performance.timeOrigin),
    read: () =>
      members.flatMap(({ tracker, requests, refusals }): [string, number][] => [
        ['connections_accepted', tracker.total],
        ['refused_address', refusals.address],
        ['refused_tls', refusals.tls],
        ['requests', requests?.().total ?? 0],
      ]),
  });
}

/** Follows what a process that drains has counted. */
export function keepAccount(ledger: Ledger, peer: DrainingPeer): void {
  const { process } = peer;
  if (process === undefined) return;
  const heard = (): void => ledger.heard(process, peer.counters);
  heard();
  peer.onCounted = heard;
}

/** It is gone, if it does not tell another owner by now. */
export function closeAccount(ledger: Ledger, { process, movedOn }: DrainingPeer): void {
  if (process !== undefined && !movedOn) ledger.left(process);
}

/**
 * To be called before the counters are told to anybody: whoever may be the next to answer hears of them first. Else a
 * counter would go down when this process is killed, which a scraper takes for a new beginning from nought.
 */
export function shareBooks({ ledger, draining, owner, tellOwner }: Service): void {
  if (owner !== undefined) {
    tellOwner?.();
  } else if (draining.size > 0) {
    const books = ledger.books();
    for (const peer of draining) peer.tell(books);
  }
}

export function exposition(service: Service): string {
  const samples = samplesOf(service);
  return toText(
    Object.entries(FAMILIES).map(([name, [type, help]]) => ({
      name,
      type,
      help,
      samples: samples[name as FamilyName],
    })),
  );
}

function samplesOf(service: Service): Record<FamilyName, readonly Sample[]> {
  const { ledger, members, program, owner } = service;
  const total = ledger.total();
  const counter = (name: string): Sample[] => [{ value: total.get(name) }];
  const labelled = (label: string, names: Readonly<Record<string, string>>): Sample[] =>
    Object.entries(names).map(([value, name]) => ({ labels: { [label]: value }, value: total.get(name) }));
  const speaksHttp = members.some(({ requests }) => requests !== undefined) || total.get('requests') > 0;
  return {
    uninterruptible_connections_accepted_total: counter('connections_accepted'),
    uninterruptible_connections_refused_total: labelled('reason', {
      address: 'refused_address',
      tls: 'refused_tls',
    }),
    uninterruptible_connections_cut_total: counter('connections_cut'),
    uninterruptible_requests_total: speaksHttp ? counter('requests') : [],
    uninterruptible_handovers_total: labelled('outcome', {
      done: 'handovers_done',
      failed: 'handovers_failed',
    }),
    uninterruptible_rollbacks_total: labelled('cause', {
      order: 'rollbacks_order',
      death: 'rollbacks_death',
    }),
    uninterruptible_processes_lost_total: counter('processes_lost'),
    uninterruptible_handover_duration_seconds: histogram(total, 'handover'),
    uninterruptible_drain_duration_seconds: histogram(total, 'drain'),
    uninterruptible_connections: connectionsOf(service),
    uninterruptible_generation: [
      { value: owner === undefined ? service.generation : service.highestGeneration },
    ],
    // Who drains for another knows of no others.
    uninterruptible_draining_processes: owner === undefined ? [{ value: service.draining.size }] : [],
    uninterruptible_process_start_time_seconds: [{ value: seconds(performance.timeOrigin) }],
    uninterruptible_counters_start_time_seconds: [{ value: seconds(ledger.since) }],
    uninterruptible_build_info: [
      { labels: { version: VERSION, program: program ?? '', node: process.version }, value: 1 },
    ],
  };
}

/** In the order of the generations, each once: two processes may go by one number after a failed hand-over. */
function connectionsOf({ generation, active, idle, draining }: Service): Sample[] {
  const counts = new Map([[generation, { busy: active - idle, idle }]]);
  for (const { generation: other, left } of draining) {
    const count = counts.get(other) ?? { busy: 0, idle: 0 };
    const busy = Math.min(left.busy ?? left.connections, left.connections);
    count.busy += busy;
    count.idle += left.connections - busy;
    counts.set(other, count);
  }
  return [...counts]
    .sort(([one], [other]) => one - other)
    .flatMap(([number, count]) =>
      (['busy', 'idle'] as const).map((state) => ({
        labels: { generation: number, state },
        value: count[state],
      })),
    );
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds) / 1_000;
}
