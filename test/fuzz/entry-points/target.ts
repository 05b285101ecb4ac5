/** The library of entry_points.cc: the addon, and what the harness cannot do in JavaScript. */
import type { Binding } from '../../../src/binding.js';

export interface Harness {
  /** Runs libFuzzer with these arguments. An input whose `onInput` throws is a find. */
  run(words: readonly string[], onInput: (input: Uint8Array) => void): never;
  /** One turn of the event loop; never within another one. */
  turn(): void;
  /** A new descriptor of one of 16 kinds, or -1. */
  open(kind: number): number;
  isBlocking(fd: number): boolean;
  /** The pid of a child that has ended and was not waited for, or 0. */
  endedChild(): number;
  forgetChildren(): void;
  /** A file at the lowest free number, which nobody may touch. */
  plantCanary(): void;
  /** What is open now is what should be open whenever an input has been tried. */
  remember(): void;
  /** The first descriptor that is not as it should be, or ''. Closes the canaries. */
  difference(): string;
}

export interface Target {
  harness: Harness;
  binding: Binding;
}

export function loadTarget(file: string): Target {
  const module = { exports: {} };
  process.dlopen(module, file);
  return module.exports as Target;
}
