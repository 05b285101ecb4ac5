/** What the log says when a process begins to serve. */
import type { Facts } from '../log/log.js';
import type { Service } from './service.js';

export function announce(service: Service, facts: Facts = {}): void {
  const { members, log } = service;
  const listeners = members.flatMap(({ acceptor }) => acceptor.listeners.map(({ bound }) => bound));
  service.step('serving', { listeners, ...facts });
  for (const member of members) {
    const exempt = member.acceptor.listeners.filter(({ info }) => info.kind === 'unix');
    const demands = member.demands();
    if (demands.length === 0 || exempt.length === 0) continue;
    log.info(`not covered by ${demands.join(' and ')}`, {
      listeners: exempt.map(({ bound }) => bound),
    });
  }
}
