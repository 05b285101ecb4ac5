/** Both ends of a channel in one process: two channels, or a channel and a peer that keeps no rule. */
import { onTestFinished, vi } from 'vitest';
import type { Binding, ControlSocket, Descriptor } from '../../src/binding.js';
import { Channel } from '../../src/handover/channel.js';
import type { Message } from '../../src/handover/protocol.js';
import { inTime, nativeBinding, own, ownAll } from '../native/support.js';

export const CLOSED = { code: 'UNINTERRUPTIBLE_HANDOVER_CLOSED' };
export const PROTOCOL = { code: 'UNINTERRUPTIBLE_HANDOVER_PROTOCOL' };
export const TIMEOUT = { code: 'UNINTERRUPTIBLE_HANDOVER_TIMEOUT' };

/** Two channels that talk to each other. */
export function pair(): [Channel, Channel] {
  const [one, other] = nativeBinding().socketPair('seqpacket');
  return [own(new Channel(nativeBinding(), one)), own(new Channel(nativeBinding(), other))];
}

/** A channel, and a peer that does what the test says, and only that. */
export function withPeer(binding: Binding = nativeBinding()): { channel: Channel; peer: ControlSocket } {
  const [one, other] = binding.socketPair('seqpacket');
  const { ControlSocket } = nativeBinding();
  return {
    channel: own(new Channel(binding, one)),
    peer: own(new ControlSocket(other, () => undefined)),
  };
}

export function packet(message: object): Uint8Array {
  return Buffer.from(JSON.stringify(message));
}

/** What the peer finds at once, as messages. */
export function unread(peer: ControlSocket): Message[] {
  const found: Message[] = [];
  for (;;) {
    const received = peer.receive(65_536);
    if (received?.kind !== 'packet') return found;
    ownAll(received.descriptors);
    found.push(JSON.parse(Buffer.from(received.data).toString()) as Message);
  }
}

export async function next(channel: Channel): Promise<Message> {
  const { message, descriptors } = await inTime(channel.receive(null), 'a message');
  ownAll(descriptors);
  return message;
}

/** Some turns of the event loop: whatever can happen by itself happens. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export function draining(connections: number): Message {
  return { type: 'draining', connections };
}

/** Some descriptors to send. */
export function pipes(count: number): [Descriptor, ...Descriptor[]] {
  const [read, write] = ownAll(nativeBinding().pipe());
  write.close();
  return [read, ...Array.from({ length: count - 1 }, () => own(read.duplicate()))];
}

/** How many small packets the kernel keeps for a peer that does not read. */
export function capacity(): number {
  const { channel, peer } = withPeer();
  let sent = 0;
  while (peer.send(packet(draining(1_000)), [])) sent += 1;
  channel.close();
  peer.close();
  return sent;
}

/** Time passes only when the test says so. */
export function fakeTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
}
