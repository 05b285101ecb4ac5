/** What the service tells of itself: to its program, to an operator, and to the owner while it drains. */
import type { ConnectionCounts, RequestCounts, Status } from '../events.js';
import type { Remainder } from '../handover/protocol.js';
import { VERSION } from '../version.js';
import type { Service } from './service.js';

export function statusOf(service: Service): Status {
  const { configuration } = service;
  const listeners = service.members.flatMap((member) => member.acceptor.listeners);
  return {
    state: service.state,
    pid: service.pid,
    generation: service.generation,
    program: service.program,
    version: VERSION,
    node: process.version,
    ownerSince: service.ownerSince,
    controlPath: service.seat?.path ?? null,
    pidfilePath: configuration.pidfilePath,
    listeners: listeners.map((listener) => ({ ...listener.info, accepting: listener.accepting })),
    connections: connectionsOf(service),
    requests: requestsOf(service),
    draining: [...service.draining].map((peer) => ({
      pid: peer.pid,
      generation: peer.generation,
      connections: peer.left.connections,
      busy: peer.left.busy ?? null,
      requests: peer.left.requests ?? null,
      canServeAgain: service.rollbacks.mayGoTo(peer),
      rollbackUntil: peer.rollbackUntil,
      deadline: peer.deadline,
    })),
    restarting: service.restarts.underWay,
    restartQueued: service.restarts.queued,
    lastHandover: service.lastHandover,
    startedAt: Math.round(performance.timeOrigin),
    startCommand: configuration.startCommand,
    rollbackWindow: configuration.rollbackWindow,
    readyTimeout: configuration.readyTimeout,
  };
}

/** What is left of this process while it drains, as the owner is told. */
export function remainderOf(service: Service): Remainder {
  const { active, busy } = connectionsOf(service);
  const requests = requestsOf(service);
  return {
    connections: active,
    busy,
    ...(requests && { requests: requests.total }),
    counters: service.ledger.own().toCounters(),
  };
}

function connectionsOf({ active, idle, members }: Service): ConnectionCounts {
  const total = members.reduce((sum, { tracker }) => sum + tracker.total, 0);
  return { active, busy: active - idle, idle, total };
}

function requestsOf({ members }: Service): RequestCounts | null {
  const counts = members.flatMap(({ requests }) => requests?.() ?? []);
  if (counts.length === 0) return null;
  return {
    active: counts.reduce((sum, { active }) => sum + active, 0),
    total: counts.reduce((sum, { total }) => sum + total, 0),
  };
}
