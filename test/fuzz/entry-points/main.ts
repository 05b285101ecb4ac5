/**
 * The entry points of the addon under libFuzzer. Started by ../run.mjs, in an empty folder, with the library and libFuzzer's
 * arguments; FUZZ_TRACE in the environment prints each call.
 *
 * An input is a sequence of calls, whose objects live until its end. What must hold, besides no report of a sanitizer: each call
 * gives what it should or throws an error of its kind; whatever was open before the input, or was planted in it, is untouched; when
 * the objects are closed nothing else is open; and nothing waits, or libFuzzer's time is up.
 */
import { createHook } from 'node:async_hooks';
import { closeSync, writeSync } from 'node:fs';
import { inspect } from 'node:util';
import type { Descriptor } from '../../../src/binding.js';
import { type Call, callsOf, makeCall, makeCallWithin } from './calls.js';
import { Choices } from './choices.js';
import { loadTarget } from './target.js';
import { mischief } from './values.js';
import { type Classes, Mischief, World } from './world.js';

const MOST_STEPS = 100;
/** Until the collector has found what was forgotten: V8 keeps the prototypes of objects for some more. */
const MOST_COLLECTIONS = 12;

const STDERR = 2;
const [, , library = '', ...words] = process.argv;
const tracing = process.env['FUZZ_TRACE'] !== undefined;
// Children are to run without the sanitizers.
delete process.env['LD_PRELOAD'];

const target = loadTarget(library);
const { harness, binding } = target;
const classes = classesOf();
const calls = callsOf(target, classes);
const socketCalls = calls.filter(({ name }) => name.startsWith('socket.'));

/** Those that much depends on, more than once. */
const OFTEN = [
  ...[
    'socket.send',
    'socket.receive',
    'socket.watch',
    'new ControlSocket',
    'descriptor.close',
    'socket.close',
  ],
  ...['listenUnix', 'connectUnix', 'bindDatagram', 'sendDatagram'],
];

type Step = (world: World) => void;
const steps: readonly Step[] = [
  ...[...calls, ...OFTEN.map(callNamed), ...OFTEN.map(callNamed)].map(
    (call): Step =>
      (world) => {
        makeCall(world, call);
      },
  ),
  ...Array<Step>(4).fill(turn),
  ...Array<Step>(3).fill(openForeign),
  ...Array<Step>(3).fill(exchange),
  ...Array<Step>(2).fill(() => {
    harness.plantCanary();
  }),
  (world) => {
    world.log(() => 'one is left to the collector');
    world.descriptors.splice(world.choices.below(256) % Math.max(1, world.descriptors.length), 1);
  },
  () => {
    globalThis.gc?.({ type: 'minor' });
  },
];

let current: World | undefined;
let failure: unknown;

// What a callback of the event loop throws; the addon hands it to Node.
process.on('uncaughtException', (error) => {
  if (!(error instanceof Mischief || isOutOfDescriptors(error))) failure ??= error;
});

// Shows a ControlSocket that is still being made.
createHook({
  init(_id, type, _trigger, resource) {
    if (type !== 'uninterruptible.ControlSocket' || current === undefined) return;
    if (!current.choices.oneIn(8)) return;
    try {
      makeCallWithin(current, current.choices.of(socketCalls), resource);
    } catch (error) {
      // Thrown here, it would end the process without a word of libFuzzer.
      if (!isOutOfDescriptors(error)) failure ??= error;
    }
  },
}).enable();

// Node opens some of its descriptors when they are first needed.
const everyByte = Uint8Array.from({ length: 4_096 }, (_, index) => (index * 167) % 256);
for (let at = 0; at < everyByte.length; at += 64) {
  play(newWorld(everyByte.subarray(at, at + 64)));
}
const moved = new ArrayBuffer(1);
structuredClone(moved, { transfer: [moved] });
for (let collection = 0; collection < MOST_COLLECTIONS; collection++) {
  globalThis.gc?.();
  harness.turn();
}
harness.difference();
harness.remember();
harness.run(words, tryInput);

/** The class that is not exported, from one of its objects. */
function classesOf(): Classes {
  const [first, second] = binding.pipe();
  first.close();
  second.close();
  return { Descriptor: first.constructor as new () => Descriptor, ControlSocket: binding.ControlSocket };
}

function callNamed(name: string): Call {
  const call = calls.find((candidate) => candidate.name === name);
  if (call === undefined) throw new Error(`no call ${name}`);
  return call;
}

function tryInput(input: Uint8Array): void {
  const world = newWorld(input);
  try {
    play(world);
    expectSameDescriptors();
    if (failure !== undefined) throw failure;
  } catch (error) {
    writeSync(STDERR, `after ${world.made.join(', ')}:\n${inspect(error)}\n`);
    throw error;
  }
}

function newWorld(input: Uint8Array): World {
  const world = new World(target, classes, new Choices(input));
  world.onEvents = () => {
    onEvents(world);
  };
  world.callAgain = () => {
    makeCallWithin(world, world.choices.of(calls));
  };
  if (tracing) world.log = (line) => writeSync(STDERR, `${line()}\n`);
  return world;
}

function play(world: World): void {
  current = world;
  for (let step = 0; step < MOST_STEPS && !world.choices.over; step++) {
    try {
      world.choices.of(steps)(world);
    } catch (error) {
      if (!isOutOfDescriptors(error)) throw error;
    }
  }
  current = undefined;
  world.end(closeSync);
}

/** Also what the harness itself needs may be one too many. */
function isOutOfDescriptors(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'EMFILE';
}

/** What is closed is closed in the next turn of the event loop; what was forgotten, when it is collected. */
function expectSameDescriptors(): void {
  let difference = '';
  for (let collection = 0; collection < MOST_COLLECTIONS; collection++) {
    harness.turn();
    difference = harness.difference();
    if (difference === '') return;
    if (!difference.startsWith('left open')) break;
    globalThis.gc?.();
  }
  throw new Error(difference);
}

function turn(world: World): void {
  world.log(() => 'a turn of the event loop');
  harness.turn();
}

function openForeign(world: World): void {
  const fd = harness.open(world.choices.below(16));
  if (fd === -1) return;
  world.log(() => `foreign descriptor ${fd}`);
  if (world.choices.oneIn(3)) world.numbers.add(fd);
  else world.keep(binding.adopt(fd));
}

/** What one end sends, the other can receive: by chance alone that is rare. */
function exchange(world: World): void {
  const [sender, receiver] = binding.socketPair('seqpacket').map((end) => world.watched(end));
  makeCall(world, callNamed('socket.send'), sender);
  makeCall(world, callNamed('socket.receive'), receiver);
}

function onEvents(world: World): void {
  if (world !== current) return;
  world.log(() => 'called back');
  switch (world.choices.below(4)) {
    case 0:
      makeCallWithin(world, world.choices.of(socketCalls));
      break;
    case 1:
      mischief(world, undefined);
      break;
    default:
      makeCallWithin(world, world.choices.of(calls));
  }
}
