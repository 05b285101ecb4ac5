/** How an owner gives the service away: to a child it started, or to any process of its user that asks. */
import { UninterruptibleError } from '../errors.js';
import type { Channel } from '../handover/channel.js';
import type { OfferedListener } from '../handover/manifest.js';
import { handOver, regained } from '../handover/predecessor.js';
import { type Ready, type Refused, type TakeOver, WAITS } from '../handover/protocol.js';
import type { Listener } from '../listeners/listener.js';
import { observe } from '../metrics/durations.js';
import { ObservedProcess } from '../process/observed-process.js';
import type { StartedProcess } from '../process/spawn.js';
import { attempt } from './attempt.js';
import { warnOfGivenUp } from './given-up.js';
import { leave } from './leave.js';
import { repair, sweep } from './repair.js';
import type { Service } from './service.js';

/** Answers a take-over. Never throws: whatever goes wrong ends the exchange only. */
export function giveTo(service: Service, channel: Channel, takeOver: TakeOver): void {
  const { state, restarts, rollbacks, stopping } = service;
  const { token } = takeOver;
  if (state === 'stopping' || stopping.signal.aborted) {
    refuse(channel, 'stopping', 'This server is stopping.');
  } else if (state !== 'serving') {
    refuse(channel, 'busy', `This server is ${state}.`);
  } else if (token !== undefined && !restarts.expects(token) && !rollbacks.expects(token)) {
    refuse(channel, 'forbidden', 'The token is not that of a restart that runs here.');
  } else if (token === undefined && performance.now() - service.lastChange < WAITS.settle) {
    // Two supervisors with one control path must not throw the service back and forth.
    refuse(channel, 'busy', 'The owner has just changed.');
  } else {
    give(service, channel, takeOver).catch((err: unknown) => service.log.error('could not leave', { err }));
  }
}

async function give(service: Service, channel: Channel, takeOver: TakeOver): Promise<void> {
  const { restarts, rollbacks, log } = service;
  const pid = channel.peer.pid || takeOver.pid;
  const isRollback = rollbacks.takenOverBy(takeOver.token, pid);
  // The process before looks for its owner where it was one itself.
  const seat = (isRollback ? service.formerSeat : undefined) ?? service.seat;
  if (seat === undefined) return;
  const started = restarts.takenOverBy(takeOver.token, pid);
  // An order began before the process came that carries it out.
  if (!isRollback && started === undefined) service.timeline.begin('hand-over');
  let stderr: ReturnType<Service['realStderr']>;
  try {
    stderr = started && service.realStderr(started.lastWords.descriptor);
    const offers = offered(service);
    const exchange = handOver(channel, takeOver, {
      ownership: seat.ownership,
      generation: service.highestGeneration,
      features: service.features,
      listeners: offers.map(({ offer }) => offer),
      secrets: {
        ...(service.secrets && {
          ticketKeys: service.secrets.ticketKeys.toString('base64'),
          sessionIdContext: service.secrets.sessionIdContext,
        }),
      },
      books: () => service.ledger.books(),
      passBooksOn: () => service.ledger.passOn(),
      stderr,
      readyTimeout: timeToBeReady(service, { isRollback, isChild: started !== undefined }),
      signal: service.stopping.signal,
      pathIsOurs: () => seat.published,
      isAnothers: () => seat.leadsToAnother(pid),
      child: started?.includes(pid) ? endable(started, pid) : undefined,
      onSilence: (err) => log.warn('no word from the new owner, still accepting', { successor: pid, err }),
      onReady: () => service.step('successor ready', { successor: pid }),
    });
    // Before anybody hears of it: a listener of the program's may call stop(), which waits for this.
    service.exchange = exchange.catch(() => undefined);
    service.lifecycle.to('handing-over');
    service.step('handing over', {
      successor: pid,
      ...(takeOver.program ? { program: takeOver.program } : {}),
    });
    const outcome = await exchange;
    service.exchange = undefined;
    // A successor that died as the owner has used its number up.
    service.highestGeneration = outcome.generation;
    if (outcome.kind === 'kept') {
      keep(service, outcome.error, isRollback || started !== undefined);
      return;
    }
    service.lastChange = performance.now();
    // First: a step is told as well, and would stand behind what the new owner has said.
    const { serving = pid } = outcome.ready;
    service.notifier.handedOver(channel.peer.pid === 0 ? 0 : serving);
    service.step('handed over', { successor: pid });
    if (!isRollback) observe(service.ledger, 'handover', service.timeline.elapsed('hand-over'));
    warnOfUnclaimed(service, offers, outcome.ready, [takeOver.program ?? [], `pid ${pid}`].flat().join(', '));
    const unclaimed = unclaimedListeners(
      service,
      offers.map(({ listener }) => listener),
      outcome.ready,
    );
    if (seat !== service.seat) moveBack(service);
    const result = { pid: serving, generation: outcome.generation };
    restarts.succeeded(result, started);
    rollbacks.succeeded(result);
    removePaths(service, outcome.ready);
    await leave(service, { channel, pid, unclaimed });
  } catch (error) {
    log.error('unexpected error while handing over', { err: error });
    service.exchange = undefined;
    channel.close();
    if (!service.lifecycle.is('serving', 'handing-over')) return;
    // Out of descriptors, say. Whoever has byte 0 serves; if that is the successor, nothing is known of what it uses.
    if (regained(seat.ownership)) keep(service, error as Error, isRollback || started !== undefined);
    else await leave(service, { channel, pid, unclaimed: new Map() });
  } finally {
    stderr?.real.close();
  }
}

/** What was started may be a shell; who took over is one that it started. */
function endable(started: StartedProcess, pid: number): { kill: () => void; readonly alive: boolean } {
  const successor = new ObservedProcess(pid);
  return {
    kill: () => started.kill(),
    get alive() {
      return successor.alive;
    },
  };
}

/** In ms. Whoever served before has nothing to get ready. */
function timeToBeReady(
  { restarts, configuration }: Service,
  { isRollback, isChild }: { isRollback: boolean; isChild: boolean },
): number {
  if (isRollback) return WAITS.takeBack;
  return isChild ? restarts.left : configuration.readyTimeout;
}

/** The process before did not know our own control path, and will not come here. */
function moveBack(service: Service): void {
  const { seat, formerSeat } = service;
  attempt(service, 'a control path that is no longer used could not be removed', () => seat?.unpublish());
  seat?.remove();
  service.seat = formerSeat;
  service.formerSeat = undefined;
}

/** Still the owner, having accepted all the time. What a successor may have renamed is put right. */
function keep(service: Service, failure: Error, wasOrdered: boolean): void {
  if (service.lifecycle.is('handing-over')) service.lifecycle.to('serving');
  service.ledger.keep();
  repair(service);
  const error =
    failure instanceof UninterruptibleError
      ? failure
      : new UninterruptibleError('UNINTERRUPTIBLE_HANDOVER_CLOSED', failure.message, { cause: failure });
  // Whoever ordered it tells: of our own child the restart, when it knows its last words too.
  if (!wasOrdered) {
    if (!service.stopping.signal.aborted) service.handoverFailed(error);
    void sweep(service);
  }
  service.rollbacks.exchangeFailed(error);
  service.restarts.exchangeFailed(error);
}

function offered(service: Service): { listener: Listener; offer: OfferedListener }[] {
  return service.members
    .flatMap((member) => member.acceptor.listeners)
    .filter((listener) => listener.open)
    .flatMap((listener) => {
      const offer = listener.offer();
      return offer === undefined ? [] : [{ listener, offer }];
    });
}

/** By server, what the successor has no use for, or was not offered. */
function unclaimedListeners(
  service: Service,
  offers: readonly Listener[],
  { unclaimed }: Ready,
): Map<number, Listener[]> {
  const unused = new Set(unclaimed);
  const claimed = new Set(offers.filter((_, position) => !unused.has(position)));
  return new Map(
    service.members.map((member, at) => [
      at,
      member.acceptor.listeners.filter((listener) => !claimed.has(listener)),
    ]),
  );
}

function warnOfUnclaimed(
  { log }: Service,
  offers: readonly { listener: Listener }[],
  { unclaimed }: Ready,
  who: string,
): void {
  const other = `the new version (${who})`;
  const listeners = unclaimed.flatMap((position) => offers[position]?.listener.bound ?? []);
  const because = `${other} does not listen on it`;
  warnOfGivenUp(log, { listeners, othersShared: listeners.length < offers.length, other, because });
}

/** A path the successor no longer uses, because its configuration changed, has nobody else to remove it. */
function removePaths(service: Service, ready: Ready): void {
  const { pidFile, seat } = service;
  attempt(service, 'a pid file that is no longer used could not be removed', () => {
    if (ready.pidfilePath !== pidFile?.path) pidFile?.unpublish();
  });
  attempt(service, 'a control path that is no longer used could not be removed', () => {
    if (ready.controlPath !== seat?.path) seat?.unpublish();
  });
}

function refuse(channel: Channel, reason: Refused['reason'], message: string): void {
  channel.finish({ type: 'refused', reason, message });
}
