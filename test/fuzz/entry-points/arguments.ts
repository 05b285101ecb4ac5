/** Arguments as an entry point wants them, more or less: right types, and values at every edge. */
import type { Descriptor } from '../../../src/binding.js';
import { anyValue, mischief, resizableBuffer } from './values.js';
import type { World } from './world.js';

/** Makes one argument. */
export type Argument = (world: World) => unknown;

const MOST_DESCRIPTORS = 253; // SCM_MAX_FD

export const boolean: Argument = ({ choices }) => choices.oneIn(2);

export const oneOf =
  (...values: readonly unknown[]): Argument =>
  ({ choices }) =>
    choices.of(values);

export const descriptor: Argument = (world) => world.descriptor();

/** An object's own number, or one that no object owns, or none that is open. */
export const number: Argument = (world) =>
  world.choices.of([...world.numbers, world.descriptor().fd, -1, 5_000]);

/** The same few names for all, so that some meet. */
export const name: Argument = ({ choices }) => {
  const short = choices.of(['a', 'a', 'b']);
  const folder = process.cwd();
  switch (choices.below(12)) {
    default:
      return short;
    case 5:
      return `@fuzz-${process.pid}-${short}`;
    case 6: // as long as an abstract name can be, and longer
      return `@fuzz-${process.pid}-`.padEnd(106 + choices.below(4), short);
    case 7: // as long as a path can be, and longer
      return `${folder}/`.padEnd(105 + choices.below(4), short);
    case 8: // through its directory, and a name that is too long even then
      return `${folder}${'/'.repeat(100)}${short.repeat(choices.of([1, 80, 85, 90, 120]))}`;
    case 9:
      return '/'.repeat(choices.of([4_090, 4_094, 4_095]));
    case 10:
      return `no-such-directory/${'x'.repeat(choices.of([1, 120]))}`;
    case 11:
      return `a/${short}`; // in what is no directory
  }
};

/** Bytes in every kind of memory that a Uint8Array can have. */
export const bytes: Argument = (world) => {
  const { choices } = world;
  const size = choices.of([1, 0, 17, 70_000, 300_000]);
  switch (choices.below(9)) {
    case 1:
      return Buffer.alloc(size);
    case 2:
      return new Uint8Array(new SharedArrayBuffer(size));
    case 3: {
      const buffer = resizableBuffer(size + 8_192, size + 16_384);
      world.buffers.push(buffer);
      return new Uint8Array(buffer);
    }
    case 4: {
      const buffer = resizableBuffer(size + 8, size + 8);
      const view = new Uint8Array(buffer, 8, size);
      buffer.resize(4); // the view is out of bounds
      return view;
    }
    case 5: {
      const buffer = new ArrayBuffer(size);
      const view = new Uint8Array(buffer);
      structuredClone(buffer, { transfer: [buffer] });
      return view;
    }
    case 6:
      return new Uint8Array(new ArrayBuffer(size + 3), 3);
    case 7:
      return new (class extends Uint8Array {})(size);
    default: {
      const buffer = new ArrayBuffer(size);
      world.buffers.push(buffer);
      return new Uint8Array(buffer);
    }
  }
};

export const descriptors: Argument = (world) => {
  const { choices } = world;
  const list: unknown[] = Array.from({ length: choices.below(4) }, () => world.descriptor());
  switch (choices.below(12)) {
    case 1:
      return Array<Descriptor>(MOST_DESCRIPTORS + choices.below(2)).fill(world.descriptor());
    case 2:
      list.length += 1; // a hole
      return list;
    case 3:
    case 4:
      Object.defineProperty(list, choices.below(2), { get: () => mischief(world, world.descriptor()) });
      return list;
    case 5:
      // More than can be had, but seldom: ASan says so each time.
      list.length = choices.oneIn(64) ? 2 ** 32 - 1 : 100_000;
      return list;
    case 6:
      list.push(anyValue(world));
      return list;
    case 7:
      return Object.freeze(list);
    default:
      return list;
  }
};

/** An object with these properties, some of which may be missing, wrong, or run code. */
export const options =
  (properties: Readonly<Record<string, Argument>>): Argument =>
  (world) => {
    const object: object = world.choices.oneIn(16) ? (Object.create({ backlog: 1 }) as object) : {};
    for (const [key, argument] of Object.entries(properties)) {
      const kind = world.choices.below(16);
      if (kind === 12) continue;
      if (kind === 13) Object.defineProperty(object, key, { value: anyValue(world) });
      else if (kind > 13) Object.defineProperty(object, key, { get: () => mischief(world, argument(world)) });
      else Object.defineProperty(object, key, { value: argument(world) });
    }
    return object;
  };
