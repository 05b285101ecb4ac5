/** What is alive while one input is tried, and how it ends. */
import { readdirSync, rmSync } from 'node:fs';
import type { Binding, ControlSocket, Descriptor } from '../../../src/binding.js';
import type { Choices } from './choices.js';
import type { Harness, Target } from './target.js';

/** Thrown by getters, traps and callbacks of the harness: the addon lets it through. */
export class Mischief extends Error {}

/** As high as RLIMIT_NOFILE, in entry_points.cc: no number from here on is ever open. */
export const NEVER_OPEN = 320;

/** One message can bring 253, and then there is no room for as many again. */
const MOST_OBJECTS = 400;

/** The classes of the addon, of which only one is exported. */
export interface Classes {
  Descriptor: new () => Descriptor;
  ControlSocket: Binding['ControlSocket'];
}

export class World {
  readonly binding: Binding;
  readonly harness: Harness;
  readonly classes: Classes;
  readonly choices: Choices;
  /** Open, closed and released ones. */
  readonly descriptors: Descriptor[] = [];
  readonly sockets: ControlSocket[] = [];
  /** Open numbers that no object owns. */
  readonly numbers = new Set<number>();
  /** Those that byte arrays in use are made of. */
  readonly buffers: ArrayBuffer[] = [];
  /** How deep we are in calls that were made in calls. */
  depth = 0;
  madeFiles = false;
  madeChild = false;
  #closed: Descriptor | undefined;

  constructor({ binding, harness }: Target, classes: Classes, choices: Choices) {
    this.binding = binding;
    this.harness = harness;
    this.classes = classes;
    this.choices = choices;
  }

  /** Any of the pool; a new one if there is none. */
  descriptor(): Descriptor {
    if (this.descriptors.length === 0) this.keep(this.binding.socketPair('seqpacket'));
    return this.choices.of(this.descriptors);
  }

  /** Any of the pool; the two ends of a connection if there is none. */
  socket(): ControlSocket {
    if (this.sockets.length === 0) {
      for (const end of this.binding.socketPair('seqpacket')) this.watched(end);
    }
    return this.choices.of(this.sockets);
  }

  /** One that stays closed. */
  closed(): Descriptor {
    if (this.#closed === undefined) {
      const [first, second] = this.binding.pipe();
      first.close();
      second.close();
      // Else executeProgram would not refuse it.
      if (first.fd !== -1) throw new Error(`a closed descriptor has the number ${first.fd}`);
      this.#closed = first;
    }
    return this.#closed;
  }

  watched(descriptor: Descriptor): ControlSocket {
    const socket = new this.binding.ControlSocket(descriptor, this.onEvents);
    this.keep(socket);
    return socket;
  }

  /** The callback of each ControlSocket. This and the next two are set by main.ts. */
  onEvents: (readable: boolean, writable: boolean) => void = () => {};
  /** Makes some other call, in the middle of one. */
  callAgain: () => void = () => {};
  log: (line: () => string) => void = () => {};
  /** The names of all calls, in order. */
  readonly made: string[] = [];

  /** Everything of the addon in a result, so that nothing is owned by the collector alone. */
  keep(value: unknown): void {
    if (value instanceof this.classes.Descriptor) {
      if (this.descriptors.length < MOST_OBJECTS) this.descriptors.push(value);
      else value.close();
    } else if (value instanceof this.classes.ControlSocket) {
      if (this.sockets.length < MOST_OBJECTS) this.sockets.push(value);
      else value.close();
    } else if (Array.isArray(value)) {
      for (const element of value) this.keep(element);
    } else if (typeof value === 'object' && value !== null && 'descriptors' in value) {
      this.keep(value.descriptors);
    }
  }

  end(closeNumber: (fd: number) => void): void {
    for (const socket of this.sockets) socket.close();
    for (const descriptor of this.descriptors) descriptor.close();
    for (const number of this.numbers) closeNumber(number);
    if (this.madeChild) this.harness.forgetChildren();
    if (this.madeFiles) for (const name of readdirSync('.')) rmSync(name, { recursive: true });
  }
}
