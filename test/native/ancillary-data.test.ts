import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Descriptor } from '../../src/binding.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';
import {
  Child,
  closeAfterEach,
  errorOf,
  fixturePath,
  nativeBinding,
  own,
  ownAll,
  Peer,
  temporaryDirectory,
} from './support.js';

expectNoDescriptorLeak();
closeAfterEach();

describe('descriptors in a packet', requirement('addon', 'proc'), () => {
  test('arrive as the same open files, in order', () => {
    const [sender, receiver] = Peer.pair();
    const files = ['a', 'b', 'c'].map((name) => own(nativeBinding().anonymousFile(name)));

    expect(sender.send('three', files)).toBe(true);
    const { text, descriptors, truncated } = receiver.packet();

    expect(text).toBe('three');
    expect(truncated).toEqual([false, false]);
    expect(descriptors.map(identityByStat)).toEqual(files.map(identityByStat));
    expect(descriptors.map((descriptor) => descriptor.identity())).toEqual(
      files.map((file) => file.identity()),
    );
    expect(new Set(descriptors.map(({ fd }) => fd)).size).toBe(3);
  });

  test('share one open file description with the sender', () => {
    const [sender, receiver] = Peer.pair();
    const [readEnd, writeEnd] = ownAll(nativeBinding().pipe());
    sender.send('write end', [writeEnd]);
    const [received] = receiver.packet().descriptors;
    writeEnd.close();
    // The pipe is open as long as the received duplicate is.
    received!.close();
    expect(readSync(readEnd.fd, Buffer.alloc(1))).toBe(0);
  });

  test('stay in their own packets', () => {
    const [sender, receiver] = Peer.pair();
    const file = own(nativeBinding().anonymousFile('file'));
    sender.send('none');
    sender.send('one', [file]);
    sender.send('none again');
    expect([receiver.packet(), receiver.packet(), receiver.packet()]).toMatchObject([
      { text: 'none', descriptors: [] },
      { text: 'one', descriptors: [expect.anything()] },
      { text: 'none again', descriptors: [] },
    ]);
  });

  test('outlive the sender, who may close at once', () => {
    const [sender, receiver] = Peer.pair();
    const file = own(nativeBinding().anonymousFile('file'));
    const identity = file.identity();
    sender.send('last word', [file]);
    file.close();
    sender.socket.close();
    expect(receiver.packet().descriptors[0]?.identity()).toEqual(identity);
    expect(receiver.socket.receive(16)).toEqual({ kind: 'end' });
  });

  test('may be 253', () => {
    const [sender, receiver] = Peer.pair();
    const file = own(nativeBinding().anonymousFile('file'));
    expect(sender.send('many', Array<Descriptor>(253).fill(file))).toBe(true);
    const { descriptors, truncated } = receiver.packet();
    expect(truncated).toEqual([false, false]);
    expect(descriptors).toHaveLength(253);
    expect(new Set(descriptors.map(identityByStat))).toEqual(new Set([identityByStat(file)]));
  });

  test('may not be 254: EINVAL, and nothing is sent', () => {
    const [sender, receiver] = Peer.pair();
    const file = own(nativeBinding().anonymousFile('file'));
    expect(errorOf(() => sender.send('too many', Array<Descriptor>(254).fill(file)))).toMatchObject({
      code: 'EINVAL',
      errno: -22,
      syscall: 'sendmsg',
    });
    expect(receiver.socket.receive(16)).toBeNull();
  });

  test('are not sent when one of them is closed: EBADF', () => {
    const [sender, receiver] = Peer.pair();
    const [open, closed] = ownAll(nativeBinding().pipe());
    closed.close();
    expect(errorOf(() => sender.send('stale', [open, closed]))).toMatchObject({ code: 'EBADF' });
    expect(receiver.socket.receive(16)).toBeNull();
  });

  test('are closed when nobody receives the packet', () => {
    const [sender, receiver] = Peer.pair();
    const [readEnd, writeEnd] = ownAll(nativeBinding().pipe());
    sender.send('unread', [writeEnd]);
    writeEnd.close();
    receiver.socket.close();
    expect(readSync(readEnd.fd, Buffer.alloc(1))).toBe(0);
  });

  test('that do not fit the receiver’s limit are reported lost; those that did are closed with their owners', async () => {
    const [ours, theirs] = ownAll(nativeBinding().socketPair('seqpacket'));
    const sender = new Peer(ours);
    const file = own(nativeBinding().anonymousFile('file'));
    sender.send('ten', Array<Descriptor>(10).fill(file));
    const child = new Child(
      'sh',
      ['-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath, fixturePath('receive-without-room')],
      ['ignore', 'pipe', 'pipe', theirs.fd],
    );
    expect(await child.result()).toEqual({
      text: 'ten',
      room: 3,
      received: 3,
      descriptorsTruncated: true,
      dataTruncated: false,
      leaked: 0,
    });
  });
});

describe('a packet', requirement('addon', 'proc'), () => {
  test('longer than what was asked for is cut, and says so', () => {
    const [sender, receiver] = Peer.pair();
    const file = own(nativeBinding().anonymousFile('file'));
    sender.send('too long', [file]);
    sender.send('next');
    const { text, descriptors, truncated } = receiver.packet(3);
    expect([text, truncated]).toEqual(['too', [true, false]]);
    expect(descriptors[0]?.identity()).toEqual(file.identity());
    expect(receiver.packet().text).toBe('next');
  });

  test('has exactly the bytes that were sent, and they are not overwritten by the next', () => {
    const [sender, receiver] = Peer.pair();
    sender.socket.send(Uint8Array.of(0, 255, 0), []);
    sender.socket.send(Uint8Array.of(7), []);
    const first = receiver.socket.receive(100);
    const second = receiver.socket.receive(100);
    expect([first, second].map((received) => received?.kind === 'packet' && [...received.data])).toEqual([
      [0, 255, 0],
      [7],
    ]);
  });

  test('of a view sends the view, not its whole buffer', () => {
    const [sender, receiver] = Peer.pair();
    sender.socket.send(new TextEncoder().encode('abcdef').subarray(2, 4), []);
    expect(receiver.packet().text).toBe('cd');
  });

  test('may be large', () => {
    const [sender, receiver] = Peer.pair();
    const large = 'x'.repeat(150_000);
    sender.send(large);
    expect(receiver.packet(200_000).text).toBe(large);
  });

  test('that can never fit the socket’s buffer is EMSGSIZE', () => {
    const [sender] = Peer.pair();
    expect(errorOf(() => sender.send('x'.repeat(10_000_000)))).toMatchObject({
      code: 'EMSGSIZE',
      syscall: 'sendmsg',
    });
  });

  test('that is not there is null', () => {
    const [, receiver] = Peer.pair();
    expect(receiver.socket.receive(16)).toBeNull();
  });

  test('without a byte is `empty`, not the end; what it carried is closed', () => {
    const [sender, receiver] = Peer.pair();
    const [readEnd, writeEnd] = ownAll(nativeBinding().pipe());
    sender.send('', [writeEnd]);
    writeEnd.close();
    sender.send('after');
    expect(receiver.socket.receive(16)).toEqual({ kind: 'empty' });
    expect(readSync(readEnd.fd, Buffer.alloc(1))).toBe(0);
    expect(receiver.packet().text).toBe('after');
  });
});

describe('the end of a peer', requirement('addon', 'proc'), () => {
  test('is `end` for the receiver, again and again, and EPIPE for the sender', () => {
    const [leaving, staying] = Peer.pair();
    leaving.socket.close();
    expect(staying.socket.receive(16)).toEqual({ kind: 'end' });
    expect(staying.socket.receive(16)).toEqual({ kind: 'end' });
    expect(errorOf(() => staying.send('anybody?'))).toMatchObject({ code: 'EPIPE', errno: -32 });
  });

  test('comes after what it had sent', () => {
    const [leaving, staying] = Peer.pair();
    leaving.send('goodbye');
    leaving.socket.close();
    expect(staying.packet().text).toBe('goodbye');
    expect(staying.socket.receive(16)).toEqual({ kind: 'end' });
  });

  test('that left something unread is ECONNRESET once, and its last word can be read after', async () => {
    const [leaving, staying] = Peer.pair();
    staying.send('never read');
    leaving.send('last word');
    leaving.socket.close();
    expect((await staying.event(true, false)).readable).toBe(true);
    expect(errorOf(() => staying.socket.receive(16))).toMatchObject({
      code: 'ECONNRESET',
      errno: -104,
      syscall: 'recvmsg',
    });
    expect((await staying.event(true, false)).readable).toBe(true);
    expect(staying.packet().text).toBe('last word');
    expect((await staying.event(true, false)).readable).toBe(true);
    expect(staying.socket.receive(16)).toEqual({ kind: 'end' });
  });
});

test('a file opened by Node can be passed too', requirement('addon', 'proc'), () => {
  const [sender, receiver] = Peer.pair();
  const fd = openSync(join(temporaryDirectory(), 'file'), 'w+');
  const file = own(nativeBinding().adopt(fd));
  sender.send('file', [file]);
  expect(identityByStat(receiver.packet().descriptors[0]!)).toBe(identityByStat(file));
  expect(file.release()).toBe(fd);
  closeSync(fd);
});

function identityByStat({ fd }: Descriptor): string {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return `${dev}:${ino}`;
}
