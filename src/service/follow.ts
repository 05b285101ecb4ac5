/** The process that gave the service to this one drains, and its reports tell how far it is until it is gone. */
import { DrainingPeer } from '../handover/draining-peer.js';
import type { Predecessor } from '../handover/successor.js';
import type { Service } from './service.js';

export function follow(service: Service, { channel, pid, offer, books }: Predecessor): void {
  const { generation, features } = offer;
  const process = books?.accounts[0]?.process;
  const peer = new DrainingPeer(channel, { pid, generation, connections: 0, features, process });
  service.predecessor = peer;
  service.addDraining(peer);
}
