/** The process that gave the service to this one drains, and its reports tell how far it is until it is gone. */
import { DrainingPeer } from '../handover/draining-peer.js';
import type { Predecessor } from '../handover/successor.js';
import type { Service } from './service.js';

export function follow(service: Service, { channel, pid, offer }: Predecessor): void {
  const { generation, features } = offer;
  const peer = new DrainingPeer(channel, { pid, generation, connections: 0, features });
  service.predecessor = peer;
  service.addDraining(peer);
}
