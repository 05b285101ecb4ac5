/** The first moments of whoever connects to an owner: who it is, and what it says first. */
import type { PeerCredentials } from '../binding.js';
import type { UninterruptibleError } from '../errors.js';
import type { Channel, Incoming } from './channel.js';
import { isTrusted } from './peer.js';
import { WAITS } from './protocol.js';

/** Peers that have connected and said nothing yet: they keep nobody out, and cost no more descriptors than these. */
export const MAX_SILENT = 64;

/** What becomes of whoever connects. */
export interface Greeter {
  /** Gets each peer's first message; it owns the channel from then on. Does not throw. */
  firstPacket(channel: Channel, first: Incoming): void;
  /** Out of descriptors or memory: whoever connects waits. Told once, until one was accepted again. */
  exhausted(error: Error): void;
  /** A stranger, or one who was not understood. Whoever left without a word is none. */
  turnedAway(peer: PeerCredentials, reason: string): void;
}

/**
 * The uid is checked before a word is exchanged; a stranger is told so and nothing else. A peer that says nothing, leaves or
 * talks nonsense costs one connection for five seconds. Never rejects.
 */
export async function greet(channel: Channel, greeter: Greeter): Promise<void> {
  if (!isTrusted(channel.peer)) {
    channel.finish({ type: 'refused', reason: 'forbidden', message: 'Only the same user or root may.' });
    greeter.turnedAway(channel.peer, 'It runs as another user.');
    return;
  }
  let first: Incoming;
  try {
    first = await channel.receive(WAITS.firstPacket);
  } catch (error) {
    channel.close();
    const { code, message } = error as UninterruptibleError;
    if (code !== 'UNINTERRUPTIBLE_HANDOVER_CLOSED') greeter.turnedAway(channel.peer, message);
    return;
  }
  greeter.firstPacket(channel, first);
}
