import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';
import { closeAfterEach, errorOf, nativeBinding, own, Peer, temporaryDirectory } from './support.js';

expectNoDescriptorLeak();
closeAfterEach();

function bound(path: string): Peer {
  return new Peer(nativeBinding().bindDatagram(path));
}

describe('a datagram', requirement('addon', 'proc'), () => {
  test('arrives whole, with its sender, whom the kernel names', () => {
    const path = join(temporaryDirectory(), 'socket');
    const receiver = bound(path);
    nativeBinding().sendDatagram(path, Buffer.from('READY=1'));
    nativeBinding().sendDatagram(path, Buffer.from('STOPPING=1'));
    const sender = { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() };
    for (const text of ['READY=1', 'STOPPING=1']) {
      expect(receiver.socket.receive(100)).toMatchObject({
        data: Buffer.from(text),
        descriptors: [],
        sender,
      });
    }
    expect(receiver.socket.receive(100)).toBeNull();
  });

  test('wakes whoever waits for it, and an empty one is not the end', async () => {
    const path = join(temporaryDirectory(), 'socket');
    const receiver = bound(path);
    nativeBinding().sendDatagram(path, Buffer.alloc(0));
    expect((await receiver.event(true, false)).readable).toBe(true);
    expect(receiver.socket.receive(100)).toEqual({ kind: 'empty' });
  });

  test('reaches an abstract name, and a path that is too long for sun_path', () => {
    const name = `@uninterruptible-${process.pid}`;
    const abstract = bound(name);
    nativeBinding().sendDatagram(name, Buffer.from('abstract'));
    expect(abstract.packet().text).toBe('abstract');
    // Not by join(), which would shorten it.
    const path = `${temporaryDirectory()}${'/.'.repeat(100)}/socket`;
    const far = bound(path);
    nativeBinding().sendDatagram(path, Buffer.from('far'));
    expect(far.packet().text).toBe('far');
    const missing = `${path}s`;
    expect(errorOf(() => nativeBinding().sendDatagram(missing, Buffer.from('x'))).code).toBe('ENOENT');
    // Abstract names end where sun_path does, and are never cut: another one would hear it.
    for (const [length, code] of [
      [108, 'ECONNREFUSED'],
      [109, 'ENAMETOOLONG'],
    ] as const) {
      const long = `@${'z'.repeat(length - 1)}`;
      expect(errorOf(() => nativeBinding().sendDatagram(long, Buffer.from('x'))).code).toBe(code);
    }
    for (const none of ['', '@']) {
      expect(errorOf(() => nativeBinding().sendDatagram(none, Buffer.from('x'))).code).toBe('EINVAL');
    }
  });

  test('is refused where nobody reads: ENOENT, ECONNREFUSED, EAGAIN, without waiting', () => {
    const path = join(temporaryDirectory(), 'socket');
    const send = (): unknown => nativeBinding().sendDatagram(path, Buffer.from('x'));
    expect(errorOf(send)).toMatchObject({ code: 'ENOENT', syscall: 'sendto', path });
    const receiver = bound(path);
    const full = errorOf(() => {
      for (let sent = 0; sent < 10_000; sent++) send();
    });
    expect(full).toMatchObject({ code: 'EAGAIN', path });
    receiver.socket.close();
    expect(errorOf(send).code).toBe('ECONNREFUSED');
  });

  test('socket belongs to this user alone from its first instant, whatever the umask', () => {
    const path = join(temporaryDirectory(), 'socket');
    const before = process.umask(0);
    try {
      own(nativeBinding().bindDatagram(path));
    } finally {
      process.umask(before);
    }
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(errorOf(() => nativeBinding().bindDatagram(path)).code).toBe('EADDRINUSE');
  });

  test('of another program is read like any other', requirement('python3'), () => {
    const path = join(temporaryDirectory(), 'socket');
    const receiver = bound(path);
    const program = `import socket, os; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.sendto(b'hello %d' % os.getpid(), '${path}')`;
    spawnSync('python3', ['-c', program]);
    const packet = receiver.socket.receive(100);
    if (packet?.kind !== 'packet') throw new Error(JSON.stringify(packet));
    expect(Buffer.from(packet.data).toString()).toBe(`hello ${packet.sender?.pid}`);
  });
});
