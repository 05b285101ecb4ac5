/** Channels of `node:diagnostics_channel`, for tracing without touching the server. Publishing costs nothing unheard. */
import { type Channel, channel } from 'node:diagnostics_channel';
import type { State } from './lifecycle.js';

/** `StateEvent`, at each change of state. */
export const stateChannel: Channel = channel('uninterruptible:state');
/** `ConnectionEvent`, for each accepted connection. */
export const connectionChannel: Channel = channel('uninterruptible:connection');
/** `StepEvent`, at each step of a start, hand-over, rollback, drain or stop. */
export const handoverChannel: Channel = channel('uninterruptible:handover');
/** `ProtocolEvent`, for every message of the hand-over protocol and every change of a lock, as it happens. */
export const protocolChannel: Channel = channel('uninterruptible:protocol');

/** What goes on in several steps. */
export type Operation = 'start' | 'hand-over' | 'rollback' | 'drain' | 'stop';

const steps = {
  starting: 'start',
  'taking over': 'start',
  'warming up': 'start',
  probing: 'start',
  ready: 'start',
  serving: 'start',
  'could not start': 'start',
  restarting: 'hand-over',
  started: 'hand-over',
  'rolling back': 'hand-over',
  'handing over': 'hand-over',
  'successor ready': 'hand-over',
  'handed over': 'hand-over',
  'hand-over failed': 'hand-over',
  'restart abandoned': 'hand-over',
  'successor vanished': 'rollback',
  'taking back': 'rollback',
  'rolled back': 'rollback',
  'not taken back': 'rollback',
  draining: 'drain',
  drained: 'drain',
  'standing by': 'drain',
  leaving: 'drain',
  'predecessor gone': 'drain',
  'predecessor lost': 'drain',
  stopping: 'stop',
  stopped: 'stop',
} as const;

/** One step of an operation, in words. */
export type StepName = keyof typeof steps;

/** What each step is a step of. */
export const STEPS: Readonly<Record<StepName, Operation>> = steps;

/** Whether TCP listeners are covered, or which. */
export type Coverage = 'on' | 'off' | readonly string[];

/** Nothing. */
type NoFacts = object;

/** What is known at each step beside what all have. Processes are named by their pids. */
export interface StepFacts {
  /** This process begins to become the owner, cold or by taking over. */
  starting: NoFacts;
  /** It has found its predecessor, which offers so many listeners. */
  'taking over': { predecessor: number; listeners: number };
  /** `warmUp()` is called. */
  'warming up': NoFacts;
  /** `probe()` is called. */
  probing: NoFacts;
  /** It may be given the service. */
  ready: { predecessor: number };
  /** It is the owner, and accepts. */
  serving: { listeners: readonly string[]; tls: Coverage; allowedNetworks: Coverage; predecessor?: number };
  /** It never served. */
  'could not start': { error: unknown };
  /** The owner is about to run `startCommand`. */
  restarting: { command: string | readonly string[]; directory: string; realDirectory?: string };
  /** The new process runs. */
  started: { child: number };
  /** The process before is asked to take the service back. */
  'rolling back': { predecessor: number };
  /** Another process has asked for the service. */
  'handing over': { successor: number; program?: string };
  /** That one could serve. */
  'successor ready': { successor: number };
  /** It does. */
  'handed over': { successor: number };
  /** It does not: this process serves on. */
  'hand-over failed': { error: Error };
  /** This process does not serve on: it was told to stop. */
  'restart abandoned': { child: number | undefined; reason: string };
  /** The new owner is gone without a word. */
  'successor vanished': { successor: number };
  /** The new owner wants this process to serve again. */
  'taking back': { successor: number };
  /** This process serves again. */
  'rolled back': { successor: number; why: 'by order' | 'the successor died' };
  /** It does not. */
  'not taken back': { successor: number; error: unknown };
  /** It accepts no more; told again, at most once a second, when the numbers have changed. */
  draining: { connections: number; busy: number };
  /** The last connection has ended; so many in use were cut. */
  drained: { cut: number };
  /** It stays for `rollbackWindow`. */
  'standing by': { owner: number };
  /** It exits. */
  leaving: { owner: number | undefined };
  /** An earlier generation has left; its milliseconds are those for which this process has followed it. */
  'predecessor gone': { predecessor: number };
  /** An earlier generation died while it drained; milliseconds as above. */
  'predecessor lost': { predecessor: number };
  /** The service ends. */
  stopping: { connections: number };
  /** It has. */
  stopped: { cut: number };
}

/** What all events about a process say. */
export interface ProcessFacts {
  /** Of the process in which it happens. */
  readonly pid: number;
  /** Its own; 0 before it is known. */
  readonly generation: number;
}

/** A message of the channel `uninterruptible:state`. */
export interface StateEvent extends ProcessFacts {
  /** The new state. */
  readonly state: State;
  /** The one before. */
  readonly from: State;
  /** How long that one lasted. */
  readonly milliseconds: number;
}

/** A message of the channel `uninterruptible:handover`: narrow it by `step`. */
export type StepEvent = {
  [Name in StepName]: ProcessFacts & {
    /** What happens. */
    readonly step: Name;
    /** What it is a step of. */
    readonly operation: (typeof steps)[Name];
    /** Since that began in this process. */
    readonly milliseconds: number;
  } & Readonly<StepFacts[Name]>;
}[StepName];

/** A message of the channel `uninterruptible:protocol`. Not stable: messages and locks are those of `docs/protocol.md`. */
export type ProtocolEvent =
  | {
      /** Which way the message went. */
      readonly direction: 'sent' | 'received';
      /** Its type. */
      readonly type: string;
      /** The pid of the other process. */
      readonly peer: number;
      /** The same for all messages of one conversation. */
      readonly channel: object;
    }
  | {
      /** Byte 0 or byte 1. */
      readonly lock: 'owner' | 'next';
      /** Whether this process has it now. */
      readonly held: boolean;
      /** Of the lock file. */
      readonly path: string;
    };
