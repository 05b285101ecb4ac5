import { describe, expect, test, vi } from 'vitest';
import type { Descriptor } from '../../src/binding.js';
import { closeAfterEach, inTime, nativeBinding, ownAll } from '../native/support.js';
import {
  CLOSED,
  capacity,
  draining,
  fakeTimers,
  next,
  packet,
  pair,
  pipes,
  TIMEOUT,
  turns,
  unread,
  withPeer,
} from '../support/channels.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();
closeAfterEach();

describe('messages', requirement('addon', 'proc'), () => {
  test('come in the order they were sent in, however many are sent at once', async () => {
    const [ours, theirs] = pair();
    const sent = Array.from({ length: 60 }, (_, at) => draining(at));
    for (const message of sent) ours.send(message);
    for (const message of sent) expect(await next(theirs)).toEqual(message);
  });

  test('bring descriptors, which stay the sender’s too', async () => {
    const [ours, theirs] = pair();
    const given = pipes(3);
    ours.send({ type: 'received' }, given);
    const { message, descriptors } = await inTime(theirs.receive(null), 'a message');
    ownAll(descriptors);
    expect(message).toEqual({ type: 'received', descriptors: 3 });
    expect(descriptors.map((descriptor) => descriptor.identity())).toEqual(
      given.map((each) => each.identity()),
    );
    expect(given.every(({ fd }) => fd >= 0)).toBe(true);
  });

  test('that find the queue full wait, descriptors included, and come in order', async () => {
    const { channel, peer } = withPeer();
    const [given] = pipes(1);
    const most = Array.from({ length: capacity() + 40 }, (_, at) => draining(at));
    for (const message of most) channel.send(message);
    channel.send({ type: 'received' }, [given]);
    given.close();
    const seen = unread(peer);
    // There is room again, but not for what comes later.
    channel.send({ type: 'gone' });
    channel.report({ type: 'progress', step: 'last' });
    await turns();
    seen.push(...unread(peer));
    expect(seen).toEqual([
      ...most,
      { type: 'received', descriptors: 1 },
      { type: 'gone' },
      { type: 'progress', step: 'last' },
    ]);
  });
});

describe('receive()', requirement('addon', 'proc'), () => {
  test('gives up after its time, and what comes later is for the next one', async () => {
    const [ours, theirs] = pair();
    await expect(theirs.receive(20)).rejects.toMatchObject(TIMEOUT);
    ours.send(draining(1));
    expect(await next(theirs)).toEqual(draining(1));
  });

  test('looks at the socket once more before it gives up', async () => {
    fakeTimers();
    const { channel, peer } = withPeer();
    const waiting = channel.receive(5_000);
    // As after a SIGSTOP: the message and the end of the time are found in one turn, the timer first.
    peer.send(packet(draining(1)), []);
    vi.advanceTimersByTime(5_000);
    await expect(waiting).resolves.toMatchObject({ message: draining(1) });
  });

  test('leaves no timer behind', async () => {
    fakeTimers();
    const [ours, theirs] = pair();
    const waiting = theirs.receive(5_000);
    ours.send(draining(1));
    await waiting;
    expect(vi.getTimerCount()).toBe(0);
  });

  test('rejects with the reason of its signal, at once if that is aborted already', async () => {
    const [, theirs] = pair();
    const abort = new AbortController();
    const waiting = theirs.receive(null, abort.signal);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(theirs.receive(null, abort.signal)).rejects.toThrow('enough');
  });

  test('has one caller at a time', async () => {
    const [, theirs] = pair();
    const waiting = theirs.receive(null);
    expect(() => theirs.receive(null)).toThrow(TypeError);
    theirs.close();
    await expect(waiting).rejects.toMatchObject(CLOSED);
  });

  test('leaves in the kernel what nobody takes, beyond a few, and does not look at it in vain', async () => {
    let looks = 0;
    const { ControlSocket } = nativeBinding();
    class Counted extends ControlSocket {
      constructor(descriptor: Descriptor, onEvents: (readable: boolean, writable: boolean) => void) {
        super(descriptor, (readable, writable) => {
          looks += 1;
          onEvents(readable, writable);
        });
      }
    }
    const { channel, peer } = withPeer({ ...nativeBinding(), ControlSocket: Counted });
    let sent = 0;
    for (let full = 0; full < 5; full += 1) {
      while (peer.send(packet(draining(sent)), [])) sent += 1;
      await turns();
    }
    // What the kernel keeps, and what the channel holds: not all that a peer cares to send.
    expect(sent).toBeLessThan(capacity() + 64);
    expect(looks).toBeLessThan(5);
    for (let at = 0; at < sent; at += 1) expect(await next(channel)).toEqual(draining(at));
  });
});

describe('report()', requirement('addon', 'proc'), () => {
  test('is dropped while the peer does not read, and the latest goes when it does', async () => {
    const { channel, peer } = withPeer();
    for (let connections = 2_000; connections > 0; connections -= 1) channel.report(draining(connections));
    const seen = unread(peer);
    expect(seen.length).toBeLessThanOrEqual(capacity());
    expect(seen[0]).toEqual(draining(2_000));
    await turns();
    expect(unread(peer)).toEqual([draining(1)]);
    expect(channel.over).toBe(false);
  });
});
