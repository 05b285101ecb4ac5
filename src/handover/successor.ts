/**
 * The new process's part of a hand-over: find the owner or that there is none, take the listeners, say `ready`, and
 * become the owner when told to, or when the predecessor has died.
 */
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import type { Descriptor } from '../binding.js';
import { type ErrorDescription, UninterruptibleError } from '../errors.js';
import type { Inheritance } from '../listeners/listener-set.js';
import { type Channel, closeAll, type Incoming, isTimeout } from './channel.js';
import { unusable } from './control-path.js';
import type { Ownership } from './ownership.js';
import { nonsense } from './packet.js';
import { trusted } from './peer.js';
import {
  type Books,
  FEATURES,
  type Offer,
  PROTOCOL_VERSIONS,
  type Ready,
  type Refused,
  WAITS,
} from './protocol.js';

/** Between two connects to a path whose owner is busy, moving or not yet there. */
const RETRY_MILLISECONDS = 20;

export interface TakeOverOptions {
  /** Throws ECONNREFUSED or ENOENT if nobody listens, EAGAIN if the owner's queue is full. */
  connect: () => Channel;
  /** What is connected to, in words for an error. */
  place: string;
  ownership: Ownership;
  token: string | undefined;
  /** Whether the owner has started this process, with a pipe for stderr: its offer brings the real one. */
  isChild: boolean;
  program: string | undefined;
  /** Milliseconds for everything up to the offer. */
  timeout: number;
  signal: AbortSignal;
}

/**
 * Takes byte 1, then connects: to the owner, which made us an offer, or to nobody, in which case byte 0 is held too
 * when this resolves with null (a cold start). Rejects when refused, when the owner is a stranger, or in time.
 */
export async function findPredecessor(options: TakeOverOptions): Promise<Predecessor | null> {
  const { connect, place, ownership, signal } = options;
  const deadline = performance.now() + options.timeout;
  const left = (): number => Math.max(0, deadline - performance.now());
  let lastProblem: unknown;
  await ownership.takeNext(left(), signal);
  for (;;) {
    signal.throwIfAborted();
    let channel: Channel | undefined;
    try {
      channel = connect();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ECONNREFUSED' || code === 'ENOENT') {
        // Nobody listens. Dead is who lost byte 0; and somebody may have come since we looked, so look once more.
        if (ownership.isOwner) return null;
        if (await ownership.takeOwner(Math.min(WAITS.ownerLock, left()), signal)) continue;
      } else if (code === 'EAGAIN') {
        // Its queue is full: alive.
        ownership.releaseOwner();
      } else {
        throw unusable(place, error);
      }
      lastProblem = error;
    }
    if (channel !== undefined) {
      // Alive after all: byte 0 is its, as soon as it asks.
      ownership.releaseOwner();
      const answer = await introduce(channel, options).catch((error: unknown) => {
        channel.close();
        if (!isPassing(error)) throw error;
        lastProblem = error;
        return undefined;
      });
      if (answer !== undefined) return new Predecessor(channel, answer.offer, answer.stderr);
    }
    if (left() === 0) throw tookTooLong(options, lastProblem);
    await delay(RETRY_MILLISECONDS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

async function introduce(
  channel: Channel,
  { token, isChild, program, signal }: TakeOverOptions,
): Promise<{ offer: Offer; stderr: Descriptor | undefined }> {
  trusted(channel).send({
    type: 'take-over',
    versions: [...PROTOCOL_VERSIONS],
    features: [...FEATURES],
    pid: process.pid,
    ...(token === undefined ? {} : { token }),
    ...(program === undefined ? {} : { program }),
  });
  const { message, descriptors } = await channel.receive(WAITS.firstPacket, signal);
  if (message.type !== 'offer' || descriptors.length > (isChild ? 1 : 0)) {
    closeAll(descriptors);
    if (message.type === 'refused') throw refusal(message);
    if (message.type === 'moved') throw new Passing('The owner has changed.');
    throw nonsense(
      message.type === 'offer'
        ? `an offer with ${descriptors.length} descriptors`
        : `${message.type} where an offer was due`,
    );
  }
  if (descriptors.length > 0) channel.send({ type: 'received' });
  return { offer: message, stderr: descriptors[0] };
}

/** What goes away by itself: the owner is busy, has moved, or closed before it read our first packet. */
class Passing extends Error {}

function isPassing(error: unknown): boolean {
  return (
    error instanceof Passing ||
    (error instanceof UninterruptibleError && error.code === 'UNINTERRUPTIBLE_HANDOVER_CLOSED')
  );
}

function refusal({ reason, message, versions }: Refused): Error {
  if (reason === 'busy' || reason === 'stopping') return new Passing(message);
  if (reason === 'no-common-version') {
    return new UninterruptibleError(
      'UNINTERRUPTIBLE_HANDOVER_NO_COMMON_VERSION',
      `The owner speaks versions ${versions?.join(', ') ?? '?'}; this program speaks ${PROTOCOL_VERSIONS.join(', ')}.`,
    );
  }
  return new UninterruptibleError('UNINTERRUPTIBLE_HANDOVER_REFUSED', `The owner refused: ${message}`);
}

function tookTooLong({ place, timeout }: TakeOverOptions, cause: unknown): UninterruptibleError {
  return new UninterruptibleError(
    'UNINTERRUPTIBLE_HANDOVER_TIMEOUT',
    `No owner at ${place} made an offer within ${timeout} ms: ${(cause as Error | undefined)?.message ?? ''}`,
    { cause },
  );
}

/** What came of saying `ready`. */
export interface Verdict {
  pipe: Descriptor | undefined;
}

/** The process we take over from, as far as we can see it. */
export class Predecessor {
  readonly channel: Channel;
  readonly offer: Offer;
  /** The real stderr, for a child. */
  readonly stderr: Descriptor | undefined;
  /** What the service has counted, as it was told last; undefined if the predecessor does not tell. */
  books: Books | undefined;
  /** The message after the listeners: `yours`, `cancelled`, or the end. Asked for early, so that a cancel is heard. */
  #word: Promise<Incoming> | undefined;

  constructor(channel: Channel, offer: Offer, stderr: Descriptor | undefined) {
    this.channel = channel;
    this.offer = offer;
    this.stderr = stderr;
    this.books = offer.books;
  }

  get pid(): number {
    return this.channel.peer.pid || this.offer.pid;
  }

  /**
   * Step 2, until `deadline` on the monotonic clock: what comes one by one could go on for ever. Rejects with HANDOVER_CLOSED
   * when the predecessor died; what came until then stays in the inheritance.
   */
  async receiveListeners(inheritance: Inheritance, deadline: number, signal: AbortSignal): Promise<void> {
    let missing = this.offer.listeners;
    while (missing > 0) {
      const left = deadline - performance.now();
      if (left <= 0) throw tooSlow(missing, this.offer.listeners);
      const wait = Math.min(WAITS.batch, left);
      const { message, descriptors } = await this.channel.receive(wait, signal).catch((error: unknown) => {
        throw wait === left && isTimeout(error) ? tooSlow(missing, this.offer.listeners) : error;
      });
      if (message.type === 'cancelled') {
        closeAll(descriptors);
        throw cancelled(message.message);
      }
      const { length } = descriptors;
      const fits = message.type === 'listeners' && message.listeners.length === length;
      // None would go on for ever.
      if (!fits || length === 0 || length > missing) {
        closeAll(descriptors);
        throw nonsense(
          `a ${message.type} message with ${length} descriptors where ${missing} listeners were due`,
        );
      }
      for (const [at, descriptor] of descriptors.entries()) {
        const record = message.listeners[at];
        if (record !== undefined) inheritance.add(record, descriptor);
      }
      missing -= descriptors.length;
      this.channel.send({ type: 'received' });
    }
  }

  /** Calls back when the predecessor cancels while we prepare. */
  watch(onCancelled: (error: Error) => void): void {
    this.#word = this.channel.receive(null);
    this.#word.then(
      ({ message }) => {
        if (message.type === 'cancelled') onCancelled(cancelled(message.message));
      },
      () => undefined,
    );
  }

  /** Hears what it has said by now: an owner that stops says `cancelled`, then ends the listeners that fail us. */
  async hearOut(): Promise<void> {
    this.channel.poll();
    await setImmediate();
  }

  /** Tells the predecessor why we cannot serve, and leaves. */
  fail(error: ErrorDescription): void {
    this.channel.send({ type: 'failed', ...error });
    this.channel.close();
    // What it said before it was asked, and nobody has taken.
    void this.#word?.then(
      ({ descriptors }) => closeAll(descriptors),
      () => undefined,
    );
  }

  /**
   * Step 3 to 5: says `ready` and resolves when byte 0 is ours. Rejects with HANDOVER_CANCELLED, HANDOVER_TIMEOUT, or
   * HANDOVER_LOST when another process has it.
   */
  async awaitOwnership(ready: Ready, ownership: Ownership, signal: AbortSignal): Promise<Verdict> {
    this.channel.send(ready);
    let pipe: Descriptor | undefined;
    try {
      const { message, descriptors } = await within(
        WAITS.yours,
        this.#word ?? this.channel.receive(null),
        this.channel,
        signal,
      );
      if (message.type !== 'yours') {
        closeAll(descriptors);
        throw message.type === 'cancelled'
          ? cancelled(message.message)
          : nonsense(`${message.type} where yours was due`);
      }
      if (this.stderr !== undefined) pipe = descriptors.shift();
      closeAll(descriptors);
      this.books = message.books ?? this.books;
      // Released before it was said: refused means that the predecessor took it back.
      if (ownership.tryOwner()) return { pipe };
    } catch (error) {
      if (!(error instanceof UninterruptibleError) || error.code !== 'UNINTERRUPTIBLE_HANDOVER_CLOSED') {
        throw error;
      }
      // The predecessor died, or the connection broke: whoever gets byte 0 is the owner.
      if (await ownership.takeOwner(WAITS.ownerLock, signal)) return { pipe };
    }
    pipe?.close();
    throw new UninterruptibleError('UNINTERRUPTIBLE_HANDOVER_LOST');
  }
}

function tooSlow(missing: number, offered: number): UninterruptibleError {
  return new UninterruptibleError(
    'UNINTERRUPTIBLE_HANDOVER_TIMEOUT',
    `Of the ${offered} listeners that the owner offered ${missing} did not come in time.`,
  );
}

function cancelled(message: string): UninterruptibleError {
  return new UninterruptibleError('UNINTERRUPTIBLE_HANDOVER_CANCELLED', `The owner cancelled: ${message}`);
}

/** A promise made earlier, with a limit set now. */
async function within<T>(
  milliseconds: number,
  promise: Promise<T>,
  channel: Channel,
  signal: AbortSignal,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_resolve, reject) => {
        onAbort = () => reject(signal.reason as Error);
        if (signal.aborted) onAbort();
        signal.addEventListener('abort', onAbort);
        timer = setTimeout(() => {
          // After a long stop (SIGSTOP) the timer runs before the socket is looked at: its word counts first.
          channel.poll();
          reject(
            new UninterruptibleError(
              'UNINTERRUPTIBLE_HANDOVER_TIMEOUT',
              `The owner did not answer to ready within ${milliseconds} ms.`,
            ),
          );
        }, milliseconds);
      }),
    ]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}
