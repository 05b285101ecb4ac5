/**
 * How a process becomes the owner: cold, or by taking over. Everything that can fail comes before `ready`; what comes
 * after byte 0 is a handful of renames.
 */
import type { Binding, Descriptor } from '../binding.js';
import { leadTo } from '../call-site.js';
import { createTlsSecrets, readTlsSecrets } from '../connections/tls-secrets.js';
import { describeError, UninterruptibleError } from '../errors.js';
import { sweepPrivateDirectories } from '../handover/control-directory.js';
import type { OfferingPeer } from '../handover/offering-peer.js';
import { generationAfter, WAITS } from '../handover/protocol.js';
import { findPredecessor } from '../handover/successor.js';
import { abandon, Inheritance, type Prepared, prepareListeners } from '../listeners/listener-set.js';
import type { PassedSockets } from '../listeners/passed-sockets.js';
import { flushStderr } from '../process/exit.js';
import { takeStderrBack } from '../process/last-words.js';
import { PidFile } from '../process/pid-file.js';
import { warnOfUnfit } from './activation.js';
import { announce } from './announce.js';
import { attempt } from './attempt.js';
import { followPredecessor } from './follow.js';
import { warnOfGivenUp } from './given-up.js';
import type { Home } from './home.js';
import { prepareMembers } from './prepare.js';
import { readyMessage } from './ready-message.js';
import { letNext, repairLater } from './repair.js';
import type { Seat } from './seat.js';
import type { Service } from './service.js';

/** What a process holds on its way to byte 0, and lets go of if it does not get there. */
interface Candidacy {
  readonly seat: Seat;
  /** Where the predecessor is, if that is another place. */
  readonly former: Seat | undefined;
  /** Whose locks decide. */
  readonly anchor: Seat;
  readonly inheritance: Inheritance;
  readonly prepared: Prepared[];
  readonly pidFile: PidFile | undefined;
  predecessor: OfferingPeer | null;
  /** What our stderr is until we are the owner. */
  pipe: Descriptor | undefined;
}

/** Rejects, with nothing left behind, if somebody else is the owner or this program cannot serve. */
export async function becomeOwner(
  service: Service,
  binding: Binding,
  home: Home,
  passed: PassedSockets,
  timeout: number,
): Promise<void> {
  const { pidfilePath } = service.configuration;
  const deadline = performance.now() + timeout;
  // Cancelled by whoever stops this process or, while it prepares, by its predecessor.
  const cancel = new AbortController();
  const signal = AbortSignal.any([service.stopping.signal, cancel.signal]);
  const { seat, former } = home();
  const candidacy: Candidacy = {
    seat,
    former,
    anchor: former ?? seat,
    inheritance: new Inheritance(passed),
    prepared: [],
    pidFile: pidfilePath === null ? undefined : new PidFile(pidfilePath, service.pid),
    predecessor: null,
    pipe: undefined,
  };
  try {
    await findListeners(service, candidacy, deadline, signal);
    candidacy.predecessor?.watch((error) => cancel.abort(error));
    await getReady(service, binding, candidacy, deadline, signal);
  } catch (thrown) {
    await candidacy.predecessor?.hearOut();
    const error = signal.aborted ? (signal.reason as Error) : (thrown as Error);
    giveUp(service, candidacy, error);
    throw error;
  }
  assumeOwnership(service, candidacy);
  if (candidacy.predecessor !== null) return;
  warnOfUnfit(service, passed);
  const { path } = seat;
  if (seat.isPrivate && path !== null) setImmediate(() => sweepPrivateDirectories(binding, path));
}

/** Where a predecessor has them; without one byte 0 is held when this resolves, and there are none. */
async function findListeners(
  service: Service,
  candidacy: Candidacy,
  deadline: number,
  signal: AbortSignal,
): Promise<void> {
  const { seat, former, anchor, inheritance } = candidacy;
  if (former !== undefined) await occupy(seat);
  const predecessor = await findPredecessor({
    connect: () => anchor.connect(),
    place: anchor.path ?? 'the other end of an inherited connection',
    ownership: anchor.ownership,
    token: service.options.inherited?.token,
    isChild: service.options.inherited !== undefined,
    program: service.program ?? undefined,
    timeout: deadline - performance.now(),
    signal,
  });
  candidacy.predecessor = predecessor;
  service.generation = generationAfter(predecessor?.offer.generation ?? 0);
  service.offeredStderr = predecessor?.stderr;
  if (predecessor === null) return;
  service.lifecycle.to('taking-over');
  service.step('taking over', { predecessor: predecessor.pid, offered: predecessor.offer.listeners });
  await receive(predecessor, inheritance, anchor, deadline, signal);
}

/** Resolves when byte 0 is ours and nothing is left that could fail. */
async function getReady(
  service: Service,
  binding: Binding,
  candidacy: Candidacy,
  deadline: number,
  signal: AbortSignal,
): Promise<void> {
  const { seat, former, anchor, inheritance, predecessor } = candidacy;
  const { ticketKeys, sessionIdContext } = predecessor?.offer ?? {};
  service.secrets = readTlsSecrets(ticketKeys, sessionIdContext) ?? createTlsSecrets();
  const seen = new Map<string, number>();
  const offered = inheritance.records;
  for (const member of service.members) {
    const own = await prepareListeners(binding, member.addresses(offered), inheritance, seen);
    candidacy.prepared.push(...own);
    member.acceptor.listeners = own.map(({ listener }) => listener);
  }
  seat.bind(service.greeter);
  former?.bind(service.greeter);
  candidacy.pidFile?.prepare();
  await prepareMembers(service, signal, deadline);
  // While the predecessor reads it: what waits here when stderr is replaced would wait for ever.
  if (predecessor?.stderr !== undefined) await flushStderr();
  if (predecessor === null || anchor.ownership.isOwner) return;
  service.step('ready', { predecessor: predecessor.pid });
  const ready = readyMessage(service, seat, inheritance);
  candidacy.pipe = (await predecessor.awaitOwnership(ready, anchor.ownership, signal)).pipe;
}

/** Everything is as before, and the predecessor is told why. */
function giveUp(service: Service, candidacy: Candidacy, error: Error): void {
  const { seat, former, inheritance, prepared, pidFile, predecessor } = candidacy;
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
  leadTo(service.options.caller, error);
  predecessor?.fail(describeError(error));
}

/** Byte 0 is ours. Nothing here may fail: from here on this process serves. */
function assumeOwnership(service: Service, candidacy: Candidacy): void {
  const { seat, former, inheritance, prepared, pidFile, predecessor, pipe } = candidacy;
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
  letNext(service);
  predecessor?.channel.send({ type: 'owner', generation: service.generation });
  const givenUp = inheritance.unclaimedAddresses;
  inheritance.close();
  if (predecessor !== null) {
    const { stderr } = predecessor;
    attempt(service, 'stderr could not be taken back', () => stderr && takeStderrBack(stderr, pipe));
    service.lastChange = performance.now();
    service.lastHandover = {
      at: Date.now(),
      outcome: 'done',
      pid: service.pid,
      error: null,
      lastWords: null,
    };
    if (predecessor.books !== undefined) service.ledger.adopt(predecessor.books);
    service.ledger.count('handovers_done');
    followPredecessor(service, predecessor);
  }
  service.lifecycle.to('serving');
  announce(service, predecessor === null ? {} : { predecessor: predecessor.pid });
  if (predecessor === null) return;
  const before = `the version before (pid ${predecessor.pid})`;
  warnOfGivenUp(service.log, {
    listeners: givenUp,
    othersShared: inheritance.used,
    other: before,
    because: `${before} listened on it, this one does not`,
  });
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
  predecessor: OfferingPeer,
  inheritance: Inheritance,
  anchor: Seat,
  deadline: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    await predecessor.receiveListeners(inheritance, deadline, signal);
  } catch (error) {
    const died = error instanceof UninterruptibleError && error.code === 'UNINTERRUPTIBLE_HANDOVER_CLOSED';
    if (!died || !(await anchor.ownership.takeOwner(WAITS.ownerLock, signal))) throw error;
  }
}
