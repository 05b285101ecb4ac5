import { closeSync, fstatSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Descriptor } from '../../src/binding.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';
import { Child, closeAfterEach, errorOf, nativeBinding, own, ownAll, Peer } from './support.js';

expectNoDescriptorLeak();
closeAfterEach();

const STALE_NUMBER = 987_654;

describe('a descriptor', requirement('addon', 'proc'), () => {
  test('is closed once, however often close() is called', () => {
    const [descriptor] = ownAll(nativeBinding().pipe());
    const { fd } = descriptor;
    descriptor.close();
    expect(descriptor.fd).toBe(-1);
    const reused = own(nativeBinding().anonymousFile('takes the lowest number'));
    expect(reused.fd).toBe(fd);
    descriptor.close();
    expect(reused.identity()).toBeDefined();
  });

  test('released, is somebody else’s', () => {
    const file = own(nativeBinding().anonymousFile('file'));
    const fd = file.release();
    expect(file.fd).toBe(-1);
    expect(fstatSync(fd).isFile()).toBe(true);
    expect(errorOf(() => file.release())).toMatchObject({ code: 'EBADF' });
    closeSync(fd);
  });

  test('duplicated, is two numbers for one open file', () => {
    const [readEnd, writeEnd] = ownAll(nativeBinding().pipe());
    const duplicate = own(writeEnd.duplicate());
    expect(duplicate.fd).not.toBe(writeEnd.fd);
    expect(duplicate.identity()).toEqual(writeEnd.identity());
    writeEnd.close();
    writeSync(duplicate.fd, 'x');
    expect(readSync(readEnd.fd, Buffer.alloc(2))).toBe(1);
  });

  test('has the identity that stat gives', () => {
    const files = [
      own(nativeBinding().anonymousFile('file')),
      own(nativeBinding().adopt(openSync(import.meta.filename, 'r'))),
      own(nativeBinding().listenTcp('127.0.0.1', 0, { backlog: 1, ipv6Only: false })),
      ...ownAll(nativeBinding().pipe()),
    ];
    for (const file of files) {
      const { dev, ino } = fstatSync(file.fd, { bigint: true });
      expect(file.identity()).toEqual({ device: String(dev), inode: String(ino) });
    }
  });

  test('replaces another number, which stays open with its owner', () => {
    const [readEnd, writeEnd] = ownAll(nativeBinding().pipe());
    const target = openSync('/dev/null', 'w');
    writeEnd.replace(target);
    writeEnd.close();
    writeSync(target, 'replaced');
    const buffer = Buffer.alloc(20);
    expect(buffer.toString('latin1', 0, readSync(readEnd.fd, buffer))).toBe('replaced');
    expect(isCloseOnExec(target)).toBe(true);
    closeSync(target);
  });

  test('that is a socket can be shut down: its peer sees the end', () => {
    const [ours, theirs] = nativeBinding().socketPair('seqpacket');
    own(ours);
    const peer = new Peer(theirs);
    ours.shutdown();
    expect(peer.socket.receive(16)).toEqual({ kind: 'end' });
  });

  test('that is no socket answers ENOTSOCK', () => {
    const file = own(nativeBinding().anonymousFile('file'));
    for (const use of [
      () => file.inspect(),
      () => file.listen(1),
      () => file.accept(),
      () => file.shutdown(),
      () => file.peerCredentials(),
    ]) {
      expect(errorOf(use)).toMatchObject({ code: 'ENOTSOCK', errno: -88 });
    }
  });

  test('dropped, is closed by garbage collection', async () => {
    expect(await Child.fixture('garbage').result()).toMatchObject({ dropped: 100, left: 0 });
  });

  test('of a pipe can be read and written, and blocks', () => {
    const [readEnd, writeEnd] = ownAll(nativeBinding().pipe());
    writeSync(writeEnd.fd, 'x');
    expect(readSync(readEnd.fd, Buffer.alloc(2))).toBe(1);
    expect(statusFlags(writeEnd.fd) & 0o4000).toBe(0);
  });

  test('can be made blocking and non-blocking, for all who share it', () => {
    const socket = own(nativeBinding().listenTcp('127.0.0.1', 0, { backlog: 1, ipv6Only: false }));
    const duplicate = own(socket.duplicate());
    expect(socket.isNonBlocking()).toBe(true);
    duplicate.setNonBlocking(false);
    expect(socket.isNonBlocking()).toBe(false);
    socket.setNonBlocking(true);
    expect(duplicate.isNonBlocking()).toBe(true);
    expect(duplicate.accept()).toBeNull();
  });

  test.each(['stream', 'seqpacket'] as const)('of a %s socket pair does not block', (type) => {
    for (const end of ownAll(nativeBinding().socketPair(type))) {
      expect(end.inspect()).toEqual({ family: 'unix', type, listening: false, address: '', port: 0 });
      expect(statusFlags(end.fd) & 0o4000).toBe(0o4000);
      expect(end.peerCredentials().pid).toBe(process.pid);
    }
  });

  test('can be told to listen with another backlog', () => {
    const listener = own(nativeBinding().listenTcp('127.0.0.1', 0, { backlog: 1, ipv6Only: false }));
    expect(() => listener.listen(64)).not.toThrow();
    expect(listener.inspect().listening).toBe(true);
  });
});

describe('a closed descriptor', requirement('addon', 'proc'), () => {
  const uses: Record<Exclude<keyof Descriptor, 'fd' | 'close'>, (descriptor: Descriptor) => unknown> = {
    release: (descriptor) => descriptor.release(),
    duplicate: (descriptor) => descriptor.duplicate(),
    inspect: (descriptor) => descriptor.inspect(),
    identity: (descriptor) => descriptor.identity(),
    listen: (descriptor) => descriptor.listen(1),
    accept: (descriptor) => descriptor.accept(),
    shutdown: (descriptor) => descriptor.shutdown(),
    peerCredentials: (descriptor) => descriptor.peerCredentials(),
    tryLock: (descriptor) => descriptor.tryLock(0),
    unlock: (descriptor) => descriptor.unlock(0),
    tuneTcp: (descriptor) => descriptor.tuneTcp(),
    replace: (descriptor) => descriptor.replace(STALE_NUMBER),
    isNonBlocking: (descriptor) => descriptor.isNonBlocking(),
    setNonBlocking: (descriptor) => descriptor.setNonBlocking(true),
  };

  test.each(Object.entries(uses))('answers %s() with EBADF', (_, use) => {
    const file = own(nativeBinding().anonymousFile('file'));
    file.close();
    expect(errorOf(() => use(file))).toMatchObject({ code: 'EBADF', errno: -9 });
  });

  test('cannot become a control socket: EBADF', () => {
    const [end] = ownAll(nativeBinding().socketPair('seqpacket'));
    end.close();
    expect(errorOf(() => new (nativeBinding().ControlSocket)(end, () => {})).code).toBe('EBADF');
  });
});

describe('adopt', requirement('addon', 'proc'), () => {
  test.each([-1, STALE_NUMBER])('refuses the number %i, which is not open: EBADF', (fd) => {
    expect(errorOf(() => nativeBinding().adopt(fd))).toMatchObject({ code: 'EBADF', syscall: 'fcntl' });
  });

  test('takes ownership', () => {
    const fd = openSync('/dev/null', 'r');
    const descriptor = nativeBinding().adopt(fd);
    expect(descriptor.fd).toBe(fd);
    descriptor.close();
    expect(errorOf(() => fstatSync(fd)).code).toBe('EBADF');
  });
});

/** The open(2) flags of a descriptor, with those of fcntl(2) F_GETFD. */
function statusFlags(fd: number): number {
  const [, flags] = /^flags:\s+0?([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')) ?? [];
  return Number.parseInt(flags!, 8);
}

function isCloseOnExec(fd: number): boolean {
  return (statusFlags(fd) & 0o2000000) !== 0;
}
