/** Calls of the addon that the bytes of an input decide, each with what must hold after it. */
import { constants } from 'node:os';
import { inspect } from 'node:util';
import { CONSTRUCTOR, CONTROL_SOCKET, DESCRIPTOR, type EntryPoint, FUNCTIONS } from './entry-points.js';
import type { Target } from './target.js';
import { anyValue, mischief } from './values.js';
import { type Classes, Mischief, type World } from './world.js';

const DEEPEST = 2;

/** What Node's table does not have; native/errno_exception.cc has it too. */
const ERRNO: Readonly<Record<string, number>> = { ...constants.errno, ETOOMANYREFS: 109 };

/** One entry point, by the name under which a find is reported. */
export interface Call {
  name: string;
  point: EntryPoint;
  receiver: (world: World) => unknown;
  /** The plain way, and the odd one: constructed what is called, or the other way round. */
  make: (receiver: unknown, words: readonly unknown[]) => unknown;
  makeOddly: (world: World, receiver: unknown, words: readonly unknown[]) => unknown;
}

type Callable = (...words: readonly unknown[]) => unknown;

/** Every entry point. Throws if the addon has others than those that are listed. */
export function callsOf({ binding }: Target, classes: Classes): Call[] {
  const { Descriptor, ControlSocket } = classes;
  mustBe('the addon', Object.keys(binding), ['sourceDigest', 'ControlSocket', ...Object.keys(FUNCTIONS)]);
  mustBe('Descriptor', namesOf(Descriptor.prototype), ['constructor', ...Object.keys(DESCRIPTOR)]);
  mustBe('ControlSocket', namesOf(ControlSocket.prototype), ['constructor', ...Object.keys(CONTROL_SOCKET)]);
  for (const constructor of [Descriptor, ControlSocket]) {
    const functions = namesOf(constructor).filter(
      (name) => typeof Reflect.get(constructor, name) === 'function',
    );
    mustBe(`${constructor.name} itself`, functions, []);
  }
  return [
    ...Object.entries(FUNCTIONS).map(([name, point]) =>
      callOf(name, point, Reflect.get(binding, name) as Callable, () => undefined),
    ),
    ...Object.entries(DESCRIPTOR).map(([name, point]) =>
      callOf(`descriptor.${name}`, point, memberOf(Descriptor.prototype, name), (world) =>
        world.descriptor(),
      ),
    ),
    ...Object.entries(CONTROL_SOCKET).map(([name, point]) =>
      callOf(`socket.${name}`, point, memberOf(ControlSocket.prototype, name), (world) => world.socket()),
    ),
    {
      name: 'new ControlSocket',
      point: CONSTRUCTOR,
      receiver: () => undefined,
      make: (_receiver, words) => Reflect.construct(ControlSocket, words) as unknown,
      makeOddly: constructOddly,
    },
    {
      name: 'new Descriptor',
      point: { arguments: [], answers: () => false }, // nobody but the addon can
      receiver: () => undefined,
      make: (_receiver, words) => Reflect.construct(Descriptor, words) as unknown,
      makeOddly: (_world, receiver, words) =>
        Reflect.apply(Descriptor as unknown as Callable, receiver, words),
    },
  ];
}

function callOf(name: string, point: EntryPoint, made: Callable, receiver: Call['receiver']): Call {
  return {
    name,
    point,
    receiver,
    make: (self, words) => Reflect.apply(made, self, words),
    makeOddly: (_world, _self, words) => Reflect.construct(made, words) as unknown,
  };
}

/** Without new, or for another class, whose prototype may be a getter. */
function constructOddly(world: World, receiver: unknown, words: readonly unknown[]): unknown {
  const { ControlSocket, Descriptor } = world.classes;
  const newTarget = world.choices.of([
    undefined,
    class extends ControlSocket {},
    Object,
    Descriptor,
    new Proxy(ControlSocket, { get: () => mischief(world, ControlSocket.prototype) }),
  ]);
  if (newTarget === undefined) return Reflect.apply(ControlSocket as unknown as Callable, receiver, words);
  const object = Reflect.construct(ControlSocket, words, newTarget);
  // Whatever it looks like, it is one, and is to be closed.
  return Object.setPrototypeOf(object, ControlSocket.prototype) as unknown;
}

/** Makes it. Throws if something does not hold. */
export function makeCall(world: World, call: Call, receiver: unknown = receiverOf(world, call)): void {
  const { choices } = world;
  const { name, point } = call;
  const words = point.arguments.map((argument) => (choices.oneIn(16) ? anyValue(world) : argument(world)));
  if (choices.oneIn(32)) words.length = choices.below(words.length + 1);
  if (choices.oneIn(32)) {
    words.push(...Array.from({ length: choices.of([1, 9, 100]) }, () => anyValue(world)));
  }
  const oddly = choices.oneIn(48);
  if (point.confine?.(world, receiver, words) === false) return;
  world.made.push(name);
  world.log(
    () => `${'  '.repeat(world.depth)}${name}${oddly ? ', oddly' : ''} ${shown(receiver)} ${shown(words)}`,
  );
  let value: unknown;
  try {
    value = oddly ? call.makeOddly(world, receiver, words) : call.make(receiver, words);
  } catch (error) {
    if (isExpected(error)) return;
    throw new Error(`${name} threw ${inspect(error)}`, { cause: error });
  }
  point.done?.(world, words, value);
  if (!oddly && !point.answers(value, world)) throw new Error(`${name} answered ${inspect(value)}`);
  world.keep(value);
}

/** A call within another: in a getter, or while an object is made. */
export function makeCallWithin(world: World, call: Call, receiver?: unknown): void {
  if (world.depth === DEEPEST) return;
  world.depth += 1;
  try {
    makeCall(world, call, receiver);
  } finally {
    world.depth -= 1;
  }
}

function receiverOf(world: World, { receiver }: Call): unknown {
  return world.choices.oneIn(32) ? anyValue(world) : receiver(world);
}

/** Of wrong arguments and receivers, of a system call, or of our own getters. */
function isExpected(error: unknown): boolean {
  if (error instanceof Mischief || error instanceof TypeError || error instanceof RangeError) return true;
  if (!(error instanceof Error)) return false;
  const { code, errno, syscall, message } = error as NodeJS.ErrnoException;
  return (
    code !== undefined &&
    errno !== undefined &&
    code !== 'EINTR' && // of a call that waited: libFuzzer's clock interrupts it
    ERRNO[code] === -errno &&
    typeof syscall === 'string' &&
    message.startsWith(`${code}: `)
  );
}

function mustBe(what: string, names: readonly string[], listed: readonly string[]): void {
  const unlisted = names.filter((name) => !listed.includes(name));
  const missing = listed.filter((name) => !names.includes(name));
  if (unlisted.length + missing.length === 0) return;
  throw new Error(
    `test/fuzz/entry-points/entry-points.ts does not list what ${what} has: ` +
      `not listed: ${unlisted.join() || 'none'}; listed and missing: ${missing.join() || 'none'}`,
  );
}

function namesOf(object: object): string[] {
  return Object.getOwnPropertyNames(object);
}

/** A method, or what a getter calls. */
function memberOf(prototype: object, name: string): Callable {
  const property = Object.getOwnPropertyDescriptor(prototype, name);
  return (property?.get ?? property?.value) as Callable;
}

function shown(value: unknown): string {
  return inspect(value, {
    depth: 1,
    breakLength: Number.POSITIVE_INFINITY,
    maxStringLength: 60,
    maxArrayLength: 8,
  });
}
