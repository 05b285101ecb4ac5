/** What the log says when a process begins to serve. */
import type { Coverage } from '../diagnostics.js';
import type { Listener } from '../listeners/listener.js';
import type { Member } from './member.js';
import type { Service } from './service.js';

export function announce(service: Service, facts: { predecessor?: number } = {}): void {
  const { members, log } = service;
  service.step('serving', {
    listeners: listenersOf(members).map(({ bound }) => bound),
    tls: coverage(members, 'TLS'),
    allowedNetworks: coverage(members, 'allowedNetworks'),
    ...facts,
  });
  for (const slip of members.flatMap((member) => member.misspeltHooks())) log.warn(slip);
  for (const member of members) {
    const exempt = member.acceptor.listeners.filter(({ info }) => info.kind === 'unix');
    const demands = member.demands();
    if (demands.length === 0 || exempt.length === 0) continue;
    log.info(`not covered by ${demands.join(' and ')}`, {
      listeners: exempt.map(({ bound }) => bound),
    });
  }
}

/** Whether clients over TCP must satisfy it, or at which listeners, if not at all of them. */
function coverage(members: readonly Member[], demand: string): Coverage {
  const isTcp = ({ info }: Listener): boolean => info.kind === 'tcp';
  const covered = listenersOf(members.filter((member) => member.demands().includes(demand))).filter(isTcp);
  if (covered.length === 0) return 'off';
  return covered.length === listenersOf(members).filter(isTcp).length
    ? 'on'
    : covered.map(({ bound }) => bound);
}

function listenersOf(members: readonly Member[]): Listener[] {
  return members.flatMap(({ acceptor }) => acceptor.listeners);
}
