/**
 * Rollback by order, seen from the process before: the owner asks it to take the service back, which is a hand-over in
 * reverse. Its own duplicates are the sockets that it is offered, so it has nothing to bind and nothing to warm up.
 */
import { describeError } from '../errors.js';
import type { OfferingPeer } from '../handover/offering-peer.js';
import { WAITS } from '../handover/protocol.js';
import { findPredecessor } from '../handover/successor.js';
import { Inheritance } from '../listeners/listener-set.js';
import { attempt } from './attempt.js';
import { readyMessage } from './ready-message.js';
import { letNext, repairLater } from './repair.js';
import type { Seat } from './seat.js';
import type { Service } from './service.js';

/** The owner that gives the service back; null if it died meanwhile and byte 0 was free. */
export interface TakenBack {
  readonly from: OfferingPeer | null;
  /** Puts path and pid file in place and tells it. To be called when this process accepts. */
  readonly complete: () => void;
}

/** Takes everything but the last step. Rejects, with nothing changed, if the owner does not go along. */
export async function takeBack(
  service: Service,
  seat: Seat,
  token: string,
  signal: AbortSignal,
): Promise<TakenBack> {
  const { pidFile } = service;
  const cancel = new AbortController();
  const either = AbortSignal.any([signal, cancel.signal]);
  const inheritance = new Inheritance();
  const deadline = performance.now() + WAITS.takeBack;
  let from: OfferingPeer | null = null;
  try {
    from = await findPredecessor({
      connect: () => seat.connect(),
      place: seat.path ?? 'the other end of an inherited connection',
      ownership: seat.ownership,
      token,
      isChild: false,
      program: service.program ?? undefined,
      timeout: WAITS.takeBack,
      signal: either,
    });
    await from?.receiveListeners(inheritance, deadline, either);
    from?.watch((error) => cancel.abort(error));
    claimOwn(service, inheritance);
    seat.bind(service.greeter);
    pidFile?.prepare();
    if (from !== null) {
      const ready = readyMessage(service, seat, inheritance);
      await from.awaitOwnership(ready, seat.ownership, either);
    }
  } catch (thrown) {
    await from?.hearOut();
    const error = either.aborted ? (either.reason as Error) : (thrown as Error);
    inheritance.close();
    pidFile?.discard();
    attempt(service, 'byte 0 could not be released', () => seat.withdraw());
    letNext(service);
    from?.fail(describeError(error));
    throw error;
  }
  inheritance.close();
  return {
    from,
    complete: () => {
      const isFiled = attempt(service, 'the pid file could not be put in place', () => pidFile?.publish());
      const isFound = attempt(service, 'the control path could not be put in place', () => {
        // A cleaner may have removed the lock file meanwhile.
        if (seat.path !== null) seat.ownership.restore();
        seat.publish();
      });
      if (!isFiled || !isFound) repairLater(service);
      letNext(service);
      from?.channel.send({ type: 'owner', generation: service.generation });
    },
  };
}

/** What this process has kept duplicates of, and the owner must not end. */
function claimOwn({ members }: Service, inheritance: Inheritance): void {
  for (const { acceptor } of members) {
    for (const { open, address, index } of acceptor.listeners) {
      if (open) inheritance.claim(address, index)?.drop();
    }
  }
}
