/** Values of every kind, for places where they are wrong; and what getters do. */
import type { World } from './world.js';
import { Mischief, NEVER_OPEN } from './world.js';

const NUMBERS = [
  ...[0, -0, 1, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MIN_VALUE],
  ...[
    Number.MAX_VALUE,
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31),
    -(2 ** 31) - 1,
    2 ** 32,
    2 ** 53 - 1,
    2 ** 53,
    2 ** 63,
  ],
  ...[-(2 ** 63), 65_535, 65_536, 0o777, 0o1000, NEVER_OPEN, 1e21],
];

// Without a slash: as a path, each stays in the folder of the harness.
const STRINGS = [
  ...[
    '',
    '\0',
    'a\0b',
    'a\0',
    '@',
    '@\0',
    '%',
    '::1%',
    '::1%nosuch',
    '127.0.0.1\0',
    '\ud800',
    'a\udfff',
    '\u{10ffff}',
  ],
  ...['stream', 'seqpacket', 'stream\0', 'seqpacket!', 'seqpackets and more', 'é'.repeat(60), '0'.repeat(46)],
  ...[105, 106, 107, 108, 109, 255, 4095, 4096, 4097, 70_000].map((length) => 'n'.repeat(length)),
  ...['\ud800'.repeat(1365), 'é'.repeat(2048)],
];

const makers: readonly ((world: World) => unknown)[] = [
  () => undefined,
  (world) => world.choices.of(NUMBERS),
  (world) => world.choices.of(STRINGS),
  () => null,
  (world) => world.choices.oneIn(2),
  (world) => world.descriptor(),
  (world) => world.socket(),
  (world) => world.closed(),
  () => ({}),
  () => [],
  () => 1n,
  () => 2n ** 64n,
  () => Symbol('a symbol'),
  () => () => {},
  () => class {},
  () => new Date(0),
  () => Object.create(null) as unknown,
  (world) => Object.create(world.descriptor()) as unknown,
  (world) => Object.create(world.socket()) as unknown,
  (world) => new Proxy(world.descriptor(), {}),
  (world) => new Proxy(world.socket(), {}),
  (world) => new Proxy([world.descriptor()], {}),
  (world) => new Proxy({}, trapsOf(world)),
  () => revoked({}),
  () => revoked([]),
  (world) => world.classes.Descriptor.prototype,
  (world) => world.classes.ControlSocket.prototype,
  (world) => world.classes.Descriptor,
  (world) => world.classes.ControlSocket,
  () => globalThis,
  () => Object(1) as unknown,
  () => Object('stream') as unknown,
  () => new Uint16Array(4),
  () => new Float64Array(4),
  () => new DataView(new ArrayBuffer(8)),
  () => new ArrayBuffer(8),
  () => new SharedArrayBuffer(8),
  () => new Uint8Array(3),
  () => ({ length: 1, 0: 0 }),
  () => process,
];

export function anyValue(world: World): unknown {
  return world.choices.of(makers)(world);
}

/** What the code of a getter may do to the call under way, before it gives `value` or throws. */
export function mischief(world: World, value: unknown): unknown {
  switch (world.choices.below(8)) {
    case 1:
      throw new Mischief();
    case 2:
      world.descriptor().close();
      break;
    case 3:
      world.socket().close();
      break;
    case 4:
      shrinkBuffers(world);
      break;
    case 5:
      globalThis.gc?.({ type: 'minor' });
      break;
    case 6:
      world.callAgain();
      break;
    case 7:
      return anyValue(world);
  }
  return value;
}

/** Takes the memory of byte arrays in use away. */
function shrinkBuffers(world: World): void {
  for (const buffer of world.buffers) {
    if (isResizable(buffer)) buffer.resize(0);
    else structuredClone(buffer, { transfer: [buffer] });
  }
  world.buffers.length = 0;
}

/** ES2024, which TypeScript's library for ES2023 does not know. */
interface Resizable extends ArrayBuffer {
  readonly resizable: boolean;
  resize(size: number): void;
}

export function resizableBuffer(size: number, most: number): Resizable {
  const options = { maxByteLength: most };
  return Reflect.construct(ArrayBuffer, [size, options]) as Resizable;
}

function isResizable(buffer: ArrayBuffer): buffer is Resizable {
  return (buffer as Partial<Resizable>).resizable === true;
}

function trapsOf(world: World): ProxyHandler<object> {
  return {
    get: () => mischief(world, undefined),
    getPrototypeOf: () => mischief(world, null) as null,
    has: () => mischief(world, false) === true,
  };
}

function revoked(object: object): unknown {
  const { proxy, revoke } = Proxy.revocable(object, {});
  revoke();
  return proxy;
}
