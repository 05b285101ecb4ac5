import { closeSync, fstatSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { types } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Binding, ControlSocket, Descriptor } from '../../src/binding.js';
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

describe('objects of the wrong kind are a TypeError, never a crash:', requirement('addon', 'proc'), () => {
  const wrong: unknown[] = [
    undefined,
    null,
    0,
    5,
    'x',
    Symbol('x'),
    1n,
    true,
    {},
    [],
    () => {},
    new Proxy({}, {}),
  ];

  function strangers(): unknown[] {
    const [peer] = Peer.pair();
    const file = own(nativeBinding().anonymousFile('file'));
    return [...wrong, Object.create(file), new Proxy(file, {}), Object.getPrototypeOf(file), peer.socket];
  }

  function expectTypeErrors(action: (value: unknown) => unknown, values = strangers()): void {
    for (const value of values) {
      const error = errorOf(() => action(value));
      expect(error).toBeInstanceOf(TypeError);
      expect(types.isNativeError(error)).toBe(true);
    }
  }

  test('as the descriptor of a control socket', () => {
    const { ControlSocket } = nativeBinding();
    expectTypeErrors((value) => new ControlSocket(value as Descriptor, () => {}));
    const [end] = ownAll(nativeBinding().socketPair('seqpacket'));
    expectTypeErrors(
      (value) => new ControlSocket(end, value as () => void),
      wrong.filter((value) => typeof value !== 'function'),
    );
    expect(end.fd).toBeGreaterThanOrEqual(0);
  });

  test('as descriptors to send', () => {
    const [{ socket }, receiver] = Peer.pair();
    const data = Buffer.from('x');
    const file = own(nativeBinding().anonymousFile('file'));
    expectTypeErrors((value) => socket.send(data, [file, value as Descriptor]));
    expectTypeErrors(
      (value) => socket.send(data, value as Descriptor[]),
      strangers().filter((value) => !Array.isArray(value)),
    );
    expect(receiver.socket.receive(16)).toBeNull();
  });

  test('as data to send', () => {
    const [{ socket }, receiver] = Peer.pair();
    const others = [new ArrayBuffer(4), new Uint16Array(4), new DataView(new ArrayBuffer(4))];
    expectTypeErrors((value) => socket.send(value as Buffer, []), [...strangers(), ...others]);
    expect(receiver.socket.receive(16)).toBeNull();
  });

  test('as the receiver of a method or getter', () => {
    const file = own(nativeBinding().anonymousFile('file'));
    const [{ socket }] = Peer.pair();
    for (const [own, other] of [
      [file, socket],
      [socket, file],
    ] as const) {
      const prototype: object = Object.getPrototypeOf(own);
      for (const [name, { get, value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
        if (name === 'constructor') continue;
        expectTypeErrors(
          (receiver) => Reflect.apply(get ?? value, receiver, []),
          [...wrong, other, Object.create(own), prototype],
        );
      }
    }
  });

  test('as a constructor call', () => {
    const file = own(nativeBinding().anonymousFile('file'));
    const DescriptorClass = file.constructor as new (...args: unknown[]) => Descriptor;
    const { ControlSocket } = nativeBinding();
    expectTypeErrors((value) => new DescriptorClass(value));
    expectTypeErrors((value) => Reflect.apply(DescriptorClass, value, [3]));
    expectTypeErrors((value) => Reflect.apply(ControlSocket, value, [file, () => {}]));
  });

  test('as any other argument', () => {
    const addon = nativeBinding();
    const file = own(addon.anonymousFile('file'));
    const [{ socket }] = Peer.pair();
    const path = '/nowhere/socket';
    const stream = { type: 'stream', backlog: 1, mode: null } as const;
    const tcp = { backlog: 1, ipv6Only: false } as const;
    const numbers = [
      Number.NaN,
      Infinity,
      -1,
      1.5,
      2 ** 53,
      '1',
      ...wrong.filter((v) => typeof v !== 'number'),
    ];
    const notStrings = wrong.filter((value) => typeof value !== 'string');
    const notBooleans = wrong.filter((value) => typeof value !== 'boolean');
    const notNull = numbers.filter((value) => value !== null);
    const calls: [(value: never) => unknown, unknown[]][] = [
      [(value) => addon.listenTcp(value, 0, tcp), notStrings],
      [(value) => addon.listenTcp('127.0.0.1', value, tcp), [...numbers, 65_536]],
      [(value) => addon.listenTcp('127.0.0.1', 0, { ...tcp, backlog: value }), numbers],
      [(value) => addon.listenTcp('127.0.0.1', 0, { ...tcp, ipv6Only: value }), notBooleans],
      [(value) => addon.listenTcp('127.0.0.1', 0, value), wrong],
      [(value) => addon.listenUnix(value, stream), notStrings],
      [
        (value) => addon.listenUnix(path, { ...stream, type: value }),
        [...wrong, 'streams', 'seqpackets', ''],
      ],
      [(value) => addon.listenUnix(path, { ...stream, backlog: value }), numbers],
      [(value) => addon.listenUnix(path, { ...stream, mode: value }), [...notNull, 0o1000]],
      [(value) => addon.listenUnix(path, value), wrong],
      [(value) => addon.connectUnix(value, 'stream'), notStrings],
      [(value) => addon.connectUnix(path, value), wrong],
      [(value) => addon.socketPair(value), wrong],
      [(value) => addon.openLockFile(value), notStrings],
      [(value) => addon.anonymousFile(value), notStrings],
      [(value) => addon.adopt(value), numbers.filter((value) => value !== -1)],
      [(value) => addon.unblockSignal(value), numbers.filter((value) => value !== -1)],
      [(value) => addon.bindDatagram(value), notStrings],
      [(value) => addon.sendDatagram(value, new Uint8Array()), notStrings],
      [(value) => addon.sendDatagram(path, value), wrong],
      [(value) => addon.reapChild(value), numbers],
      [(value) => file.listen(value), numbers],
      [(value) => file.tryLock(value), numbers],
      [(value) => file.unlock(value), numbers],
      [(value) => file.replace(value), numbers],
      [(value) => socket.watch(value, false), notBooleans],
      [(value) => socket.watch(false, value), notBooleans],
      [(value) => socket.receive(value), [...numbers, 0, 2 ** 30]],
    ];
    for (const [call, values] of calls) expectTypeErrors(call as (value: unknown) => unknown, values);
  });

  test('and what a getter throws is passed on', () => {
    const [{ socket }] = Peer.pair();
    const thrown = new Error('of the getter');
    const options = {
      get type(): 'stream' {
        throw thrown;
      },
      backlog: 1,
      mode: null,
    };
    expect(errorOf(() => nativeBinding().listenUnix('/nowhere', options))).toBe(thrown);
    const array = Object.defineProperty([], 0, {
      get() {
        throw thrown;
      },
    });
    expect(errorOf(() => socket.send(Buffer.from('x'), array))).toBe(thrown);
  });

  test('and a getter that closes what was read before gives EBADF', () => {
    const [{ socket }, receiver] = Peer.pair();
    const [first, second] = ownAll(nativeBinding().pipe());
    const descriptors = Object.defineProperty([first], 1, {
      get() {
        first.close();
        return second;
      },
    });
    expect(errorOf(() => socket.send(Buffer.from('x'), descriptors)).code).toBe('EBADF');
    expect(receiver.socket.receive(16)).toBeNull();
  });
});

test('classes can be extended', requirement('addon', 'proc'), () => {
  const [end, other] = nativeBinding().socketPair('seqpacket');
  const peer = new Peer(other);
  class Extended extends nativeBinding().ControlSocket {
    hello(): boolean {
      return this.send(Buffer.from('hello'), []);
    }
  }
  expect(own(new Extended(end, () => {})).hello()).toBe(true);
  expect(peer.packet().text).toBe('hello');
});

test('the exports are those of the interface', requirement('addon', 'proc'), () => {
  const names: Record<keyof Binding, string> = {
    sourceDigest: 'string',
    listenTcp: 'function',
    listenUnix: 'function',
    connectUnix: 'function',
    socketPair: 'function',
    pipe: 'function',
    openLockFile: 'function',
    anonymousFile: 'function',
    adopt: 'function',
    ControlSocket: 'function',
    unblockSignal: 'function',
    bindDatagram: 'function',
    sendDatagram: 'function',
    becomeSubreaper: 'function',
    reapChild: 'function',
    waitForChild: 'function',
    openProcess: 'function',
    closeOnExecFrom: 'function',
    executeProgram: 'function',
    startProgram: 'function',
  };
  const addon = nativeBinding();
  expect(Object.fromEntries(Object.entries(addon).map(([name, value]) => [name, typeof value]))).toEqual(
    names,
  );
  const methods: Record<keyof ControlSocket, true> = {
    fd: true,
    watch: true,
    ref: true,
    unref: true,
    send: true,
    receive: true,
    accept: true,
    peerCredentials: true,
    close: true,
  };
  expect(Object.getOwnPropertyNames(addon.ControlSocket.prototype).sort()).toEqual(
    [...Object.keys(methods), 'constructor'].sort(),
  );
});

/** The open(2) flags of a descriptor, with those of fcntl(2) F_GETFD. */
function statusFlags(fd: number): number {
  const [, flags] = /^flags:\s+0?([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')) ?? [];
  return Number.parseInt(flags!, 8);
}

function isCloseOnExec(fd: number): boolean {
  return (statusFlags(fd) & 0o2000000) !== 0;
}
