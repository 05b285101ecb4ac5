/** What is given or called in place of what it should be. */
import { types } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Descriptor } from '../../src/binding.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';
import { closeAfterEach, errorOf, nativeBinding, own, ownAll, Peer } from './support.js';

expectNoDescriptorLeak();
closeAfterEach();

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
