/**
 * Every entry point of the addon: with what it is called, what it may answer, and what is kept from it. Whoever adds one to the
 * addon adds it here: else this does not compile, or the target refuses to start.
 *
 * Kept from them, because of what they are for:
 * - `executeProgram` makes the process another program. Its list always ends with a closed descriptor, which is refused after
 *   all arguments were read and before anything is changed.
 * - `adopt` and `replace` take any number that they are told. They get those of the harness, and such as are never open;
 *   `replace` also those of Descriptors, but not of a ControlSocket, which libuv watches.
 * - `startProgram` starts nothing but `true`, and that is waited for at once.
 * - `accept` waits, as accept(2) does, on a listener that somebody made blocking: it is not called on a blocking one.
 *
 * Called as they are: `becomeSubreaper`, `closeOnExecFrom` and `unblockSignal` change the process, but in nothing that it needs.
 * Names are of files in a folder of its own and abstract ones with its pid, addresses those of this machine.
 */
import { types } from 'node:util';
import type { Binding, ControlSocket, Descriptor, Packet } from '../../../src/binding.js';
import {
  type Argument,
  boolean,
  bytes,
  descriptor,
  descriptors,
  name,
  number,
  oneOf,
  options,
} from './arguments.js';
import { NEVER_OPEN, type World } from './world.js';

export interface EntryPoint {
  arguments: readonly Argument[];
  /** Whether that is a possible answer. */
  answers: (value: unknown, world: World) => boolean;
  /** What must not be in the arguments is taken out. False: not to be called. */
  confine?: (world: World, receiver: unknown, words: unknown[]) => boolean;
  /** After it did what it is for. */
  done?: (world: World, words: readonly unknown[], value: unknown) => void;
}

type Functions = Exclude<keyof Binding, 'sourceDigest' | 'ControlSocket'>;

const nothing = (value: unknown) => value === undefined;
const isBoolean = (value: unknown) => typeof value === 'boolean';
const isDescriptor = (value: unknown, { classes }: World) =>
  value instanceof classes.Descriptor && value.fd >= 0;
const isPair = (value: unknown, world: World) =>
  Array.isArray(value) && value.length === 2 && value.every((end) => isDescriptor(end, world));
const isDescriptorOrNull = (value: unknown, world: World) => value === null || isDescriptor(value, world);
const isNumber = (value: unknown) => Number.isInteger(value) && (value as number) >= -1;
const hasKeys =
  (...keys: readonly string[]) =>
  (value: unknown) =>
    typeof value === 'object' && value !== null && keys.every((key) => Object.hasOwn(value, key));

const isCredentials = hasKeys('pid', 'uid', 'gid');
const isReaped = (value: unknown) =>
  hasKeys('kind')(value) &&
  ((value as { kind: string }).kind !== 'reaped' || hasKeys('pid', 'exitCode', 'signal')(value));

function isReceived(value: unknown, world: World): boolean {
  if (value === null) return true;
  if (!hasKeys('kind')(value)) return false;
  if (['end', 'empty'].includes((value as { kind: string }).kind)) return true;
  const packet = value as Omit<Packet, 'kind'> & { kind: string };
  return (
    packet.kind === 'packet' &&
    packet.data instanceof Uint8Array &&
    packet.data.length > 0 &&
    isBoolean(packet.dataTruncated) &&
    isBoolean(packet.descriptorsTruncated) &&
    packet.descriptors.every((one) => isDescriptor(one, world))
  );
}

const socketType = oneOf('seqpacket', 'stream');
const backlog = oneOf(1, 0, 511, 2 ** 31 - 1);
const byte = oneOf(0, 1, 2, 2 ** 53 - 1);

const makesFile: Pick<EntryPoint, 'done'> = {
  done: (world) => {
    world.madeFiles = true;
  },
};

/** Any number but one that is open and not the harness's to give. */
function confineNumber(words: unknown[], allowed: ReadonlySet<number>): boolean {
  const [fd] = words;
  if (typeof fd === 'number' && fd >= 0 && fd < NEVER_OPEN && !allowed.has(fd)) words[0] = fd + NEVER_OPEN;
  return true;
}

const accept: EntryPoint = {
  arguments: [],
  answers: isDescriptorOrNull,
  confine: (world, receiver) => {
    const object = [...world.descriptors, ...world.sockets].find((candidate) => candidate === receiver);
    return object === undefined || !world.harness.isBlocking(object.fd);
  },
};

export const FUNCTIONS: Readonly<Record<Functions, EntryPoint>> = {
  listenTcp: {
    arguments: [
      oneOf('127.0.0.1', '::1', '127.0.0.256', 'localhost', '::1%lo', 'fe80::1%nosuch', '::ffff:127.0.0.1'),
      ({ choices, descriptors: [first] }) => (first !== undefined && choices.oneIn(8) ? portOf(first) : 0),
      options({ backlog, ipv6Only: boolean }),
    ],
    answers: isDescriptor,
    confine: (_world, _receiver, words) => {
      // Of others' ports none is taken: what is no port stays wrong.
      if (typeof words[1] === 'number' && words[1] >= 1 && words[1] < 1_024) words[1] = 0;
      return true;
    },
  },
  listenUnix: {
    arguments: [name, options({ type: socketType, backlog, mode: oneOf(null, 0, 0o600, 0o777, 0o4755) })],
    answers: isDescriptor,
    ...makesFile,
  },
  connectUnix: { arguments: [name, socketType], answers: isDescriptor },
  socketPair: { arguments: [socketType], answers: isPair },
  pipe: { arguments: [], answers: isPair },
  openLockFile: { arguments: [name], answers: isDescriptor, ...makesFile },
  anonymousFile: { arguments: [name], answers: isDescriptor },
  adopt: {
    arguments: [number],
    answers: isDescriptor,
    confine: (world, _receiver, words) => confineNumber(words, world.numbers),
    done: (world, words) => {
      world.numbers.delete(words[0] as number);
    },
  },
  unblockSignal: { arguments: [oneOf(10, 1, 0, -1, 9, 64, 65, 2 ** 31 - 1)], answers: nothing },
  bindDatagram: { arguments: [name], answers: isDescriptor, ...makesFile },
  sendDatagram: { arguments: [name, bytes], answers: nothing },
  becomeSubreaper: { arguments: [], answers: nothing },
  reapChild: {
    arguments: [
      (world) => {
        if (world.madeChild) return world.choices.of([0, 1]);
        world.madeChild = true;
        const pid = world.harness.endedChild();
        return world.choices.oneIn(2) ? pid : 0;
      },
    ],
    answers: isReaped,
  },
  waitForChild: {
    arguments: [oneOf(process.pid, process.ppid, 1, 2 ** 31 - 1, 0, -1)],
    answers: isReaped,
  },
  openProcess: {
    arguments: [oneOf(process.pid, process.ppid, 1, 2 ** 31 - 1, 0, -1)],
    answers: isDescriptor,
  },
  closeOnExecFrom: { arguments: [oneOf(3, 0, 100, 2 ** 31 - 1)], answers: nothing },
  executeProgram: {
    arguments: [oneOf('/nonexistent', 'a', ''), words, descriptors],
    answers: () => false,
    confine: (world, _receiver, given) => {
      const [, , list] = given;
      // A proxy is no array for the addon.
      if (!types.isProxy(list) && Array.isArray(list)) given[2] = refused(world, list);
      return true;
    },
  },
  startProgram: {
    arguments: [
      paths,
      words,
      words,
      oneOf('/', '.', '/nonexistent', '', '/dev/null', 'x'.repeat(5_000)),
      descriptors,
    ],
    answers: (value) => isNumber(value) && (value as number) > 1,
    done: ({ binding }, _words, pid) => {
      while (binding.waitForChild(pid as number).kind === 'none');
    },
  },
};

export const DESCRIPTOR: Readonly<Record<keyof Descriptor, EntryPoint>> = {
  fd: { arguments: [], answers: isNumber },
  close: { arguments: [], answers: nothing },
  release: {
    arguments: [],
    answers: (value) => isNumber(value) && value !== -1,
    done: (world, _words, value) => {
      world.numbers.add(value as number);
    },
  },
  duplicate: { arguments: [], answers: isDescriptor },
  inspect: { arguments: [], answers: hasKeys('family', 'type', 'listening', 'address', 'port') },
  identity: { arguments: [], answers: hasKeys('device', 'inode') },
  listen: { arguments: [backlog], answers: nothing },
  accept,
  shutdown: { arguments: [], answers: nothing },
  peerCredentials: { arguments: [], answers: isCredentials },
  tryLock: { arguments: [byte], answers: isBoolean },
  unlock: { arguments: [byte], answers: nothing },
  tuneTcp: { arguments: [], answers: nothing },
  replace: {
    arguments: [number],
    answers: nothing,
    confine: (world, _receiver, given) => {
      const own = world.descriptors.map(({ fd }) => fd);
      return confineNumber(given, new Set([...world.numbers, ...own]));
    },
  },
  isNonBlocking: { arguments: [], answers: isBoolean },
  setNonBlocking: { arguments: [boolean], answers: nothing },
};

export const CONTROL_SOCKET: Readonly<Record<keyof ControlSocket, EntryPoint>> = {
  fd: { arguments: [], answers: isNumber },
  watch: { arguments: [boolean, boolean], answers: nothing },
  ref: { arguments: [], answers: nothing },
  unref: { arguments: [], answers: nothing },
  send: { arguments: [bytes, descriptors], answers: isBoolean },
  // Not as much as it takes: its buffer stays as large as was ever asked for, and nothing would reach the end of that.
  receive: { arguments: [oneOf(65_536, 1, 2, 2 ** 24 + 1, 0)], answers: isReceived },
  accept,
  peerCredentials: { arguments: [], answers: isCredentials },
  close: { arguments: [], answers: nothing },
};

/** `new ControlSocket(…)`. */
export const CONSTRUCTOR: EntryPoint = {
  arguments: [descriptor, (world) => world.onEvents],
  answers: (value, { classes }) => value instanceof classes.ControlSocket,
};

/** Words that end with a NUL each, most of them. */
function words(world: World): unknown {
  const view = bytes(world);
  if (view instanceof Uint8Array && view.length > 0 && !world.choices.oneIn(4)) {
    view.fill(0, view.length >> 1);
  }
  return view;
}

/** Of nothing that does anything. */
function paths({ choices }: World): unknown {
  const places = ['/nonexistent', '/bin/true', '/dev/null', '/', '/dev/null/true', 'x'.repeat(5_000)];
  const some = Array.from({ length: choices.below(4) }, () => `${choices.of(places)}\0`);
  return choices.oneIn(8) ? '/bin/true\0' : Buffer.from(some.join(''));
}

/** The list, and at its end a descriptor that is closed. */
function refused(world: World, list: readonly unknown[]): unknown[] {
  // One that is very long is refused as it is: no memory, or a hole.
  const whole = list.length > 1_000 ? [] : list;
  const copy: unknown[] = Array.from({ length: whole.length });
  for (const index of whole.keys()) {
    // With its getters.
    Object.defineProperty(copy, index, Object.getOwnPropertyDescriptor(whole, index) ?? { value: undefined });
  }
  copy.push(world.closed());
  return copy;
}

function portOf(descriptor: Descriptor): unknown {
  try {
    return descriptor.inspect().port;
  } catch {
    return 0; // no socket
  }
}
