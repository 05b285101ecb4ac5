/**
 * How the new process's part of a hand-over begins: it finds the owner, and is made an offer, or finds that there is none. How
 * it goes on is in `offering-peer.ts`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Descriptor } from '../binding.js';
import { UninterruptibleError } from '../errors.js';
import { type Channel, closeAll } from './channel.js';
import { unusable } from './control-path.js';
import { OfferingPeer } from './offering-peer.js';
import type { Ownership } from './ownership.js';
import { nonsense } from './packet.js';
import { trusted } from './peer.js';
import { FEATURES, type Offer, PROTOCOL_VERSIONS, type Refused, WAITS } from './protocol.js';

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
export async function findPredecessor(options: TakeOverOptions): Promise<OfferingPeer | null> {
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
      if (answer !== undefined) return new OfferingPeer(channel, answer.offer, answer.stderr);
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
