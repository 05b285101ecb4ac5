import { describe, expect, test, vi } from 'vitest';
import type { ControlSocket } from '../../src/binding.js';
import { Channel } from '../../src/handover/channel.js';
import { closeAfterEach, nativeBinding, own, ownAll } from '../native/support.js';
import {
  CLOSED,
  capacity,
  draining,
  fakeTimers,
  next,
  PROTOCOL,
  packet,
  pipes,
  turns,
  unread,
  withPeer,
} from '../support/channels.js';
import { expectNoDescriptorLeak, openDescriptors } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();
closeAfterEach();

describe('the end', requirement('addon', 'proc'), () => {
  test('comes after the last words of a peer that left with our packet unread', async () => {
    const { channel, peer } = withPeer();
    channel.send(draining(1));
    peer.send(packet({ type: 'cancelled', code: 'X', message: 'last words' }), []);
    peer.close();
    // The kernel says ECONNRESET first.
    expect(await next(channel)).toEqual({ type: 'cancelled', code: 'X', message: 'last words' });
    await expect(channel.receive(null)).rejects.toMatchObject(CLOSED);
  });

  test('is not noticed by sending, but by receiving', async () => {
    const { channel, peer } = withPeer();
    peer.send(packet({ type: 'gone' }), []);
    peer.close();
    channel.send(draining(1));
    channel.send(draining(2));
    expect(channel.over).toBe(true);
    expect(await next(channel)).toEqual({ type: 'gone' });
    await expect(channel.receive(null)).rejects.toMatchObject(CLOSED);
  });

  test('of a peer that never reads what must not be dropped', async () => {
    const { channel } = withPeer();
    for (let sent = 0; sent < 2_000; sent += 1) channel.send(draining(sent));
    await expect(channel.receive(null)).rejects.toMatchObject({
      ...CLOSED,
      message: 'The peer does not read.',
    });
  });

  test('waits for what was not sent yet, if it shall', async () => {
    const { channel, peer } = withPeer();
    const most = Array.from({ length: capacity() + 5 }, (_, at) => draining(at));
    for (const message of most) channel.send(message);
    channel.finish({ type: 'moved' });
    expect(channel.closed).toBe(false);
    const seen = unread(peer);
    await turns();
    expect(channel.closed).toBe(true);
    expect([...seen, ...unread(peer)]).toEqual([...most, { type: 'moved' }]);
  });

  test('waits a second at most, and not at all if everything was sent', () => {
    fakeTimers();
    const [slow, fast] = [withPeer(), withPeer()];
    fast.channel.finish({ type: 'moved' });
    expect(fast.channel.closed).toBe(true);
    expect(unread(fast.peer)).toEqual([{ type: 'moved' }]);
    for (let sent = capacity() + 5; sent > 0; sent -= 1) slow.channel.send(draining(sent));
    slow.channel.finish({ type: 'moved' });
    vi.advanceTimersByTime(999);
    expect(slow.channel.closed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(slow.channel.closed).toBe(true);
  });

  test('that we make closes what came unread and what was not sent', async () => {
    const { channel, peer } = withPeer();
    const [given] = pipes(1);
    const before = openDescriptors().length;
    for (let sent = 0; sent < 3; sent += 1) {
      peer.send(packet({ type: 'received', descriptors: 1 }), [given]);
    }
    // Looks, and so has them.
    expect(channel.over).toBe(false);
    expect(openDescriptors()).toHaveLength(before + 3);
    for (let sent = capacity(); sent > 0; sent -= 1) channel.send(draining(1_000));
    for (let sent = 0; sent < 3; sent += 1) channel.send({ type: 'received' }, [given]);
    expect(openDescriptors()).toHaveLength(before + 6);
    channel.close();
    channel.send(draining(1));
    channel.report(draining(1));
    // This end of the pair too.
    expect(openDescriptors()).toHaveLength(before - 1);
    expect([channel.closed, channel.over]).toEqual([true, true]);
    await expect(channel.receive(null)).rejects.toMatchObject(CLOSED);
  });
});

describe('a peer that breaks a rule', requirement('addon', 'proc'), () => {
  test.each<[string, (peer: ControlSocket) => void]>([
    ['an empty packet', (peer) => peer.send(Buffer.alloc(0), [])],
    ['a packet that is too long', (peer) => peer.send(Buffer.from('{"type":"gone"}'.padEnd(65_537)), [])],
    ['garbage', (peer) => peer.send(Buffer.from('hello'), [])],
    ['descriptors that it did not announce', (peer) => peer.send(packet({ type: 'gone' }), pipes(5))],
    [
      'fewer descriptors than it announced',
      (peer) => peer.send(packet({ type: 'gone', descriptors: 6 }), pipes(5)),
    ],
  ])('ends the exchange: %s', async (_name, act) => {
    const { channel, peer } = withPeer();
    peer.send(packet(draining(1)), []);
    act(peer);
    peer.send(packet(draining(2)), []);
    expect(await next(channel)).toEqual(draining(1));
    await expect(channel.receive(null)).rejects.toMatchObject(PROTOCOL);
    await expect(channel.receive(null)).rejects.toMatchObject(PROTOCOL);
    expect(channel.over).toBe(true);
  });
});

describe('a channel that cannot be made leaves nothing open', requirement('addon', 'proc'), () => {
  const { ControlSocket } = nativeBinding();
  /** The kernel has no room for another watch. */
  class Unwatchable extends ControlSocket {
    constructor(...[descriptor]: ConstructorParameters<typeof ControlSocket>) {
      super(descriptor, 'not a function' as never);
    }
  }
  class Nameless extends ControlSocket {
    override peerCredentials(): never {
      throw new Error('ENOMEM');
    }
  }

  test.for([Unwatchable, Nameless])('%o', (Broken) => {
    const [ours, theirs] = ownAll(nativeBinding().socketPair('seqpacket'));
    const peer = own(new ControlSocket(theirs, () => undefined));
    expect(() => new Channel({ ...nativeBinding(), ControlSocket: Broken }, ours)).toThrow();
    expect(ours.fd).toBe(-1);
    expect(peer.receive(1)).toEqual({ kind: 'end' });
  });
});
