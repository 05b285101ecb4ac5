/**
 * How a process becomes the owner: cold, or by taking over. Everything that can fail comes before `ready`; what comes
 * after byte 0 is a handful of renames.
 */
import type { Binding, Descriptor } from '../binding.js';
import { createTlsSecrets, readTlsSecrets } from '../connections/tls-secrets.js';
import { describeError, UninterruptibleError } from '../errors.js';
import { sweepPrivateDirectories } from '../handover/control-directory.js';
import { type Ready, WAITS } from '../handover/protocol.js';
import { findPredecessor, type Predecessor } from '../handover/successor.js';
import { abandon, Inheritance, type Prepared, prepareListeners } from '../listeners/listener-set.js';
import type { PassedSockets } from '../listeners/passed-sockets.js';
import { flushStderr } from '../process/exit.js';
import { takeStderrBack } from '../process/last-words.js';
import { PidFile } from '../process/pid-file.js';
import { passedSockets, warnOfUnfit, warnOfUnusable } from './activation.js';
import { announce } from './announce.js';
import { attempt } from './attempt.js';
import { follow } from './follow.js';
import { warnOfGivenUp } from './given-up.js';
import { type Home, homeOf } from './home.js';
import { prepareMembers } from './prepare.js';
import { repairLater } from './repair.js';
import type { Seat } from './seat.js';
import type { Service } from './service.js';
import { startAlone } from './start-alone.js';

/** Failures that only mean that somebody else was faster; who came by itself may try again. */
const RACES: ReadonlySet<string> = new Set([
  'UNINTERRUPTIBLE_HANDOVER_LOST',
  'UNINTERRUPTIBLE_HANDOVER_CLOSED',
]);

export async function start(service: Service): Promise<void> {
  const { binding } = service;
  refuseSuccessorWithoutAddon(service);
  const home = binding && homeOf(service, binding);
  if (binding === undefined || home === undefined) {
    warnOfUnusable(service);
    await startAlone(service);
    return;
  }
  const passed = passedSockets(service, binding);
  try {
    await competeForOwnership(service, binding, home, passed);
  } finally {
    passed.close();
  }
}

/** Until this process is the owner, or cannot be. */
async function competeForOwnership(
  service: Service,
  binding: Binding,
  home: Home,
  passed: PassedSockets,
): Promise<void> {
  const deadline = performance.now() + service.configuration.readyTimeout;
  for (;;) {
    try {
      await becomeOwner(service, binding, home, passed, deadline - performance.now());
      return;
    } catch (error) {
      const mayRetry =
        service.options.inherited === undefined &&
        error instanceof UninterruptibleError &&
        RACES.has(error.code) &&
        performance.now() < deadline;
      if (!mayRetry) throw error;
      service.log.info('another process was faster, trying again', { err: error });
      if (service.lifecycle.is('taking-over')) service.lifecycle.to('starting');
    }
  }
}

async function becomeOwner(
  service: Service,
  binding: Binding,
  home: Home,
  passed: PassedSockets,
  timeout: number,
): Promise<void> {
  const { configuration, options, stopping } = service;
  const deadline = performance.now() + timeout;
  // Cancelled by whoever stops this process or, while it prepares, by its predecessor.
  const cancel = new AbortController();
  const signal = AbortSignal.any([stopping.signal, cancel.signal]);

  const { seat, former } = home();
  const anchor = former ?? seat;
  const inheritance = new Inheritance(passed);
  const prepared: Prepared[] = [];
  const pidFile =
    configuration.pidfilePath === null ? undefined : new PidFile(configuration.pidfilePath, service.pid);
  let predecessor: Predecessor | null = null;
  let pipe: Descriptor | undefined;
  try {
    if (former !== undefined) await occupy(seat);
    predecessor = await findPredecessor({
      connect: () => anchor.connect(),
      place: anchor.path ?? 'the other end of an inherited connection',
      ownership: anchor.ownership,
      token: options.inherited?.token,
      program: service.program ?? undefined,
      timeout,
      signal,
    });
    service.generation = (predecessor?.offer.generation ?? 0) + 1;
    if (predecessor !== null) {
      service.lifecycle.to('taking-over');
      service.step('taking over', { predecessor: predecessor.pid, offered: predecessor.offer.listeners });
      await receive(predecessor, inheritance, anchor, signal);
      predecessor.watch((error) => cancel.abort(error));
    }
    const { ticketKeys, sessionIdContext } = predecessor?.offer ?? {};
    service.secrets = readTlsSecrets(ticketKeys, sessionIdContext) ?? createTlsSecrets();
    const seen = new Map<string, number>();
    const offered = inheritance.records;
    for (const member of service.members) {
      const own = await prepareListeners(binding, member.addresses(offered), inheritance, seen);
      prepared.push(...own);
      member.acceptor.listeners = own.map(({ listener }) => listener);
    }
    seat.bind(service.greeter);
    former?.bind(service.greeter);
    pidFile?.prepare();
    await prepareMembers(service, signal, deadline);
    // While the predecessor reads it: what waits here when stderr is replaced would wait for ever.
    if (predecessor?.stderr !== undefined) await flushStderr();
    if (predecessor !== null && !anchor.ownership.isOwner) {
      service.step('ready', { predecessor: predecessor.pid });
      const ready = readyMessage(service, seat, inheritance);
      pipe = (await predecessor.awaitOwnership(ready, anchor.ownership, signal)).pipe;
    }
  } catch (thrown) {
    await predecessor?.hearOut();
    const error = signal.aborted ? (signal.reason as Error) : (thrown as Error);
    abandon(prepared);
    for (const member of service.members) member.acceptor.listeners = [];
    inheritance.close();
    pidFile?.discard();
    for (const left of [seat, former]) {
      if (left?.isPrivate && left.ownership.isOwner) left.remove();
      else left?.leave();
    }
    // Nobody reads our pipe any more; why we leave must be said where somebody does.
    const { stderr } = predecessor ?? {};
    if (predecessor?.channel.over && stderr !== undefined) takeStderrBack(stderr, undefined);
    // Last: its end is what tells the predecessor that everything else is done.
    predecessor?.stderr?.close();
    predecessor?.fail(describeError(error));
    throw error;
  }

  // Byte 0 is ours. Nothing below may fail: from here on this process serves.
  service.highestGeneration = service.generation;
  service.ownerSince = Date.now();
  service.seat = seat;
  service.formerSeat = former;
  service.pidFile = pidFile;
  for (const member of service.members) member.acceptor.accept();
  for (const { listener, inherited } of prepared) {
    if (inherited) attempt(service, 'the mode of a path could not be set', () => listener.adjustMode());
  }
  const isFiled = attempt(service, 'the pid file could not be put in place', () => pidFile?.publish());
  const isFound = attempt(service, 'the control path could not be put in place', () => {
    // A cleaner may have removed the lock file while we waited for it.
    if (seat.path !== null) seat.ownership.restore();
    former?.publish();
    seat.publish();
  });
  if (!isFiled || !isFound) repairLater(service);
  former?.ownership.releaseNext();
  seat.ownership.releaseNext();
  predecessor?.channel.send({ type: 'owner', generation: service.generation });
  const givenUp = inheritance.unclaimedAddresses;
  inheritance.close();
  if (predecessor !== null) {
    const { stderr } = predecessor;
    attempt(service, 'stderr could not be taken back', () => stderr && takeStderrBack(stderr, pipe));
    service.lastChange = performance.now();
    service.lastHandover = { at: Date.now(), outcome: 'done', pid: service.pid, error: null };
    if (predecessor.books !== undefined) service.ledger.adopt(predecessor.books);
    service.ledger.count('handovers_done');
    follow(service, predecessor);
  }
  service.lifecycle.to('serving');
  announce(service, predecessor === null ? {} : { predecessor: predecessor.pid });
  if (predecessor !== null) {
    warnOfGivenUp(service.log, {
      listeners: givenUp,
      othersShared: inheritance.used,
      other: `the version before (pid ${predecessor.pid})`,
      because: `the version before (pid ${predecessor.pid}) listened on it, this one does not`,
    });
  }
  if (predecessor === null) warnOfUnfit(service, passed);
  const { path } = seat;
  if (seat.isPrivate && path !== null && predecessor === null) {
    setImmediate(() => sweepPrivateDirectories(binding, path));
  }
}

/** It would serve beside its predecessor, with its pid file. */
function refuseSuccessorWithoutAddon({
  binding,
  options,
  unavailable,
  unavailableCause: cause,
}: Service): void {
  if (options.inherited === undefined || binding !== undefined) return;
  throw new UninterruptibleError(
    'UNINTERRUPTIBLE_HANDOVER_UNAVAILABLE',
    `This process was started to take over, and cannot: ${unavailable}.`,
    cause === undefined ? {} : { cause },
  );
}

/** A new control path must belong to nobody else: both its locks are had at once or not at all. */
async function occupy(seat: Seat): Promise<void> {
  if (seat.ownership.tryNext() && seat.ownership.tryOwner()) return;
  throw new UninterruptibleError(
    'UNINTERRUPTIBLE_CONTROL_PATH_UNUSABLE',
    `The control path ${String(seat.path)} belongs to another running server.`,
  );
}

/** The listeners. A predecessor that dies amid them leaves the rest to be bound here, under byte 0. */
async function receive(
  predecessor: Predecessor,
  inheritance: Inheritance,
  anchor: Seat,
  signal: AbortSignal,
): Promise<void> {
  try {
    await predecessor.receiveListeners(inheritance, signal);
  } catch (error) {
    const died = error instanceof UninterruptibleError && error.code === 'UNINTERRUPTIBLE_HANDOVER_CLOSED';
    if (!died || !(await anchor.ownership.takeOwner(WAITS.ownerLock, signal))) throw error;
  }
}

function readyMessage(service: Service, seat: Seat, inheritance: Inheritance): Ready {
  return {
    type: 'ready',
    unclaimed: inheritance.unclaimed,
    controlPath: seat.path,
    pidfilePath: service.configuration.pidfilePath,
    ...(service.options.serving && { serving: service.options.serving.pid }),
  };
}
