/** One generation as it was at a certain point of its life, and everything that outlives it at the same instant. */
import type { Line } from '../support/generations.js';
import type { Family, KernelSockets } from './surroundings.js';

/** What look.mjs says. Sizes in bytes. */
export interface Look extends Line {
  resident: number;
  heap: number;
  external: number;
  threads: number;
  connections: number;
  descriptors: { sockets: number; pipes: number; events: number; files: number };
  environment: number;
  words: number;
  /** Milliseconds that it waited for a processor until it served; the supervisor does not say. */
  waited?: number;
}

/** Milliseconds since the restart was ordered. */
export interface Times {
  /** Until the new process said that it serves. */
  serving: number;
  /** Until it answered a client; unknown until all clients have told. */
  answering?: number;
  /** Until the one before had exited. */
  left?: number;
}

export interface Sample {
  /** The how-manieth restart. */
  restart: number;
  pid: number;
  /** When it was ordered, on the wall clock. */
  orderedAt: number;
  times: Times;
  generation: Look;
  supervisor: Look | undefined;
  family: Family;
  files: number;
  kernel: KernelSockets;
}
