/** Processes that gave the service away drain, and their reports tell how far they are until they are gone. */
import { DrainingPeer } from '../handover/draining-peer.js';
import type { OfferingPeer } from '../handover/offering-peer.js';
import { attempt } from './attempt.js';
import { closeAccount, keepAccount } from './metrics.js';
import type { Service } from './service.js';

/** Follows the process that gave the service to this one. */
export function followPredecessor(service: Service, { channel, pid, offer, books }: OfferingPeer): void {
  const { generation, features } = offer;
  const process = books?.accounts[0]?.process;
  const peer = new DrainingPeer(channel, { pid, generation, connections: 0, features, process });
  service.predecessor = peer;
  follow(service, peer);
}

/** Until it is gone. */
export function follow(service: Service, peer: DrainingPeer): void {
  service.draining.add(peer);
  keepAccount(service.ledger, peer);
  hurryOldest(service);
  void peer.heardOf.then(() => service.notifier.heardOfEarlier());
  void peer.gone.then(() => lose(service, peer));
}

async function lose(service: Service, peer: DrainingPeer): Promise<void> {
  const { draining, rollbacks, lifecycle, ledger, log } = service;
  const followed = draining.delete(peer);
  // While the predecessor could come back it would look for its owner at its own path: only now may that one go.
  if (peer.leftByItself && draining.size === 0) leaveFormerSeat(service);
  if (rollbacks.isTakingBack(peer)) {
    // It ends this connection when it serves: it is lost only if nothing comes of that.
    await service.exchange;
    if (!lifecycle.is('serving')) return;
  }
  if (followed) closeAccount(ledger, peer);
  if (!lifecycle.is('serving', 'handing-over')) return;
  const step = peer.leftByItself ? 'predecessor gone' : 'predecessor lost';
  if (!peer.leftByItself) ledger.count('processes_lost');
  const facts = { predecessor: peer.pid };
  log.info(step, facts);
  service.trace(step, facts, performance.now() - peer.since);
}

/** `maxDraining`: whoever is too many is the oldest. */
function hurryOldest({ configuration, draining, log }: Service): void {
  const { maxDraining } = configuration;
  if (maxDraining === null) return;
  const oldestFirst = [...draining].sort((one, other) => one.generation - other.generation);
  for (const peer of oldestFirst.slice(0, Math.max(0, oldestFirst.length - maxDraining))) {
    const isTold = peer.hurry();
    const facts = { predecessor: peer.pid };
    if (isTold) log.warn('more processes drain than maxDraining allows, the oldest is told to leave', facts);
    else log.warn('more processes drain than maxDraining allows, the oldest cannot be told to leave', facts);
  }
}

function leaveFormerSeat(service: Service): void {
  attempt(service, 'the former control path could not be removed', () => service.formerSeat?.unpublish());
  service.formerSeat?.remove();
  service.formerSeat = undefined;
}
