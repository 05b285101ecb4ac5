/**
 * The owner that offered us its listeners, as the new process sees it: they come, `ready` is said, and byte 0 changes hands or
 * is found free.
 */
import { setImmediate } from 'node:timers/promises';
import type { Descriptor } from '../binding.js';
import { type ErrorDescription, UninterruptibleError } from '../errors.js';
import type { Inheritance } from '../listeners/listener-set.js';
import { type Channel, closeAll, type Incoming, isTimeout } from './channel.js';
import type { Ownership } from './ownership.js';
import { nonsense } from './packet.js';
import { type Books, type Offer, type Ready, WAITS } from './protocol.js';

/** What came of saying `ready`. */
export interface Verdict {
  pipe: Descriptor | undefined;
}

export class OfferingPeer {
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
        // Byte 0 could not even be asked for, say.
        pipe?.close();
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
