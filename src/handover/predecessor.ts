/**
 * The old process's part of a hand-over: offer, pass the listeners, wait for `ready`, give byte 0 away, wait for
 * `owner`. Whatever goes wrong, it says whether this process is still the owner; it never stopped accepting meanwhile.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Descriptor } from '../binding.js';
import { describeError, UninterruptibleError } from '../errors.js';
import { type Channel, closeAll, isTimeout } from './channel.js';
import { batches, type OfferedListener, toMessage } from './manifest.js';
import type { Ownership } from './ownership.js';
import { nonsense } from './packet.js';
import {
  type Books,
  commonVersion,
  generationAfter,
  type Message,
  type Offer,
  PROTOCOL_VERSIONS,
  type Ready,
  type TakeOver,
  WAITS,
} from './protocol.js';

/** How often byte 0 is asked for again while somebody else holds it and the path is still ours. */
const RETRY_MILLISECONDS = 50;

/** What the owner brings to the exchange. */
export interface Estate {
  ownership: Ownership;
  /** The highest generation seen. */
  generation: number;
  /** What it can do beyond the version. */
  features: string[];
  listeners: readonly OfferedListener[];
  secrets: { ticketKeys?: string; sessionIdContext?: string };
  /** What was counted so far. */
  books: () => Books;
  /** The same for the last time: what is counted after it this process tells as one that drains. */
  passBooksOn: () => Books;
  /** For a child of ours: the real stderr, and later the read end of its pipe. */
  stderr: { real: Descriptor; pipe: Descriptor } | undefined;
  /** Milliseconds until the successor must be ready. */
  readyTimeout: number;
  /** Aborted when this process must stop: before `yours` the exchange is cancelled with the reason. */
  signal: AbortSignal;
  /** Whether the control path still leads to this process. */
  pathIsOurs: () => boolean;
  /** Whether the control path leads to a process that is neither this one nor the successor. */
  isAnothers: () => boolean;
  /** The successor, if it is a child of ours: one that is silent, or cut off from us, is killed. */
  child: { kill: () => void; readonly alive: boolean } | undefined;
  /** Called once when the successor has byte 0 and says nothing, or cannot be heard: this process still accepts. */
  onSilence: (error: Error) => void;
  /** Called when `ready` has come and byte 0 is about to be released. */
  onReady: (ready: Ready) => void;
}

export type HandoverOutcome =
  /** Still the owner; the exchange failed with `error`, and `generation` is the highest that may have owned the service. */
  | { kind: 'kept'; error: Error; generation: number }
  /** The successor is the owner; `ready` says what it uses. The channel stays open. */
  | { kind: 'given'; ready: Ready; generation: number };

export async function handOver(channel: Channel, first: TakeOver, estate: Estate): Promise<HandoverOutcome> {
  let ready: Ready;
  try {
    ready = await offer(channel, first, estate);
  } catch (error) {
    sayCancelled(channel, error as Error);
    channel.close();
    return { kind: 'kept', error: error as Error, generation: estate.generation };
  }
  estate.onReady(ready);
  const books = estate.passBooksOn();
  estate.ownership.releaseOwner();
  try {
    channel.send(
      { type: 'yours', ...(first.features.includes('counters') && { books }) },
      estate.stderr === undefined ? [] : [estate.stderr.pipe],
    );
  } catch (error) {
    // No descriptor is left for a duplicate: a successor that does not hear it leaves.
    estate.onSilence(error as Error);
  }
  return awaitOwner(channel, ready, estate);
}

/** Steps 1 to 3. Nothing here costs the server anything: it accepts all the time and holds byte 0. */
async function offer(channel: Channel, first: TakeOver, estate: Estate): Promise<Ready> {
  const deadline = performance.now() + estate.readyTimeout;
  const left = (): number => Math.max(1, deadline - performance.now());
  const version = commonVersion(PROTOCOL_VERSIONS, first.versions);
  if (version === undefined) {
    const message = `This owner speaks ${PROTOCOL_VERSIONS.join(', ')}; you speak ${first.versions.join(', ') || 'none'}.`;
    channel.send({ type: 'refused', reason: 'no-common-version', message, versions: [...PROTOCOL_VERSIONS] });
    // A refusal is the last word: nothing was begun that could be cancelled.
    channel.close();
    throw new UninterruptibleError('UNINTERRUPTIBLE_HANDOVER_NO_COMMON_VERSION', message);
  }
  const message: Offer = {
    type: 'offer',
    version,
    features: estate.features,
    pid: process.pid,
    generation: estate.generation,
    listeners: estate.listeners.length,
    ...estate.secrets,
    ...(first.features.includes('counters') && { books: estate.books() }),
  };
  const { stderr, signal } = estate;
  channel.send(message, stderr === undefined ? [] : [stderr.real]);
  if (stderr !== undefined) await expect(channel, 'received', Math.min(WAITS.batch, left()), signal);
  for (const batch of batches(estate.listeners)) {
    channel.send(
      toMessage(batch),
      batch.map(({ descriptor }) => descriptor),
    );
    await expect(channel, 'received', Math.min(WAITS.batch, left()), signal);
  }
  const ready = await expect(channel, 'ready', left(), signal);
  // The point of no return is next: is the successor still there, and does it wait for our word? An `owner` that it has said
  // already would be taken for the answer.
  if (channel.over || channel.unread) {
    const { message, descriptors } = await channel.receive(0);
    closeAll(descriptors);
    throw message.type === 'failed' ? reported(message) : nonsense(`${message.type} before yours was said`);
  }
  if (signal.aborted) throw signal.reason;
  return ready;
}

/** Steps 4 and 5, seen from here. Byte 0 is released: only getting it back proves that we own the service. */
async function awaitOwner(channel: Channel, ready: Ready, estate: Estate): Promise<HandoverOutcome> {
  const given: HandoverOutcome = { kind: 'given', ready, generation: generationAfter(estate.generation) };
  try {
    await expect(channel, 'owner', WAITS.owner);
    return given;
  } catch (error) {
    return decideByLock(channel, error as Error, given, estate);
  }
}

/** No `owner` came: whoever has byte 0 is it. Until it is clear who that is, this process goes on accepting. */
async function decideByLock(
  channel: Channel,
  failure: Error,
  given: HandoverOutcome,
  estate: Estate,
): Promise<HandoverOutcome> {
  const { ownership, child } = estate;
  let isKilled = false;
  let stoppingSince: number | undefined;
  let quietSince: number | undefined;
  for (let isFirst = true; ; isFirst = false) {
    // Before byte 0 is asked for: between two later owners it may be free for an instant, and not for us.
    if (estate.isAnothers()) return given;
    if (regained(ownership)) {
      sayCancelled(channel, failure);
      channel.close();
      return { kind: 'kept', error: failure, generation: generationAfter(estate.generation) };
    }
    if (isFirst) estate.onSilence(failure);
    // Told to stop: whoever holds byte 0 has the service, and we need not know who.
    if (estate.signal.aborted) {
      stoppingSince ??= performance.now();
      if (performance.now() - stoppingSince >= WAITS.owner) return given;
    }
    if (isKilled && child?.alive) {
      // It holds its lock until it is gone, however long that takes (a core dump, a file system that hangs).
      quietSince = undefined;
    } else if (isKilled || channel.over) {
      // Dying, it still holds its lock for a moment; alive, cut off from us, it needs a moment to be found.
      quietSince ??= performance.now();
      if (performance.now() - quietSince >= WAITS.ownerLock) {
        if (!estate.pathIsOurs()) return given;
        isKilled ||= kill(child);
      }
    } else {
      // Silent and there: it may say `owner` yet, if it is not ours to end.
      isKilled = kill(child);
    }
    // What a process that was killed said before it died proves nothing.
    if (isKilled || channel.over) await delay(RETRY_MILLISECONDS);
    else if (await says(channel, 'owner', RETRY_MILLISECONDS)) return given;
  }
}

function kill(child: Estate['child']): boolean {
  child?.kill();
  return child !== undefined;
}

async function says(channel: Channel, type: Message['type'], timeout: number): Promise<boolean> {
  try {
    await expect(channel, type, timeout);
    return true;
  } catch {
    return false; // Nothing, nonsense, or the end: the lock decides.
  }
}

/** Asks for byte 0. One that cannot be asked for, because no descriptor is left, is not had. */
export function regained(ownership: Ownership): boolean {
  try {
    return ownership.tryOwner();
  } catch {
    return false;
  }
}

/** The next message, which must be of this type. A `failed` from the successor is thrown as the error it reports. */
async function expect<T extends Message['type']>(
  channel: Channel,
  type: T,
  timeout: number | null,
  signal?: AbortSignal,
): Promise<Extract<Message, { type: T }>> {
  const { message, descriptors } = await channel.receive(timeout, signal).catch((error: unknown) => {
    throw timeout !== null && isTimeout(error) ? tooLate(type, timeout) : error;
  });
  if (descriptors.length > 0) {
    closeAll(descriptors);
    throw nonsense(`descriptors with a ${message.type} message`);
  }
  if (message.type === type) return message as Extract<Message, { type: T }>;
  if (message.type === 'failed') throw reported(message);
  throw nonsense(`${message.type} where ${type} was due`);
}

/** The error a peer reported, with its code and stack among the details. */
export function reported(failed: Extract<Message, { type: 'failed' }>): UninterruptibleError {
  const { code, message, stack, lastWords } = failed;
  return new UninterruptibleError('UNINTERRUPTIBLE_RESTART_FAILED', message, {
    details: {
      code,
      ...(stack === undefined ? {} : { stack }),
      ...(lastWords === undefined ? {} : { lastWords }),
    },
  });
}

function tooLate(type: Message['type'], timeout: number): UninterruptibleError {
  return new UninterruptibleError(
    'UNINTERRUPTIBLE_HANDOVER_TIMEOUT',
    `The new process did not say "${type}" within ${Math.round(timeout)} ms.`,
    { details: { awaited: type } },
  );
}

function sayCancelled(channel: Channel, error: Error): void {
  const { code, message } = describeError(error);
  channel.send({ type: 'cancelled', code, message });
}
