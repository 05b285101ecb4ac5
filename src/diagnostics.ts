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
  'rollback abandoned': 'hand-over',
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

/**
 * One step of an operation, in words.
 *
 * @useDeclaredType
 */
export type StepName = keyof typeof steps;

/** What each step is a step of. */
export const STEPS: Readonly<Record<StepName, Operation>> = steps;

/** Whether TCP listeners are covered, or which. */
export type Coverage = 'on' | 'off' | readonly string[];

/** Whatever is known at a step. Processes are named by their pids. */
export interface TracedFacts {
  /** Which this process takes over from, or follows while it drains. */
  readonly predecessor: number;
  /** Which takes over from this process, or has. */
  readonly successor: number;
  /** What runs there: `name@version`. */
  readonly program: string;
  /** Which was started to take over. */
  readonly child: number | undefined;
  /** Which serves. */
  readonly owner: number | undefined;
  /** How many listeners change hands. */
  readonly offered: number;
  /** The addresses as bound. */
  readonly listeners: readonly string[];
  /** Where clients must speak TLS. */
  readonly tls: Coverage;
  /** Where clients must come from one of these. */
  readonly allowedNetworks: Coverage;
  /** `startCommand`. */
  readonly command: string | readonly string[];
  /** Where it runs. */
  readonly directory: string;
  /** Where links in that lead, if that is elsewhere. */
  readonly realDirectory: string;
  /** Open connections. */
  readonly connections: number;
  /** Of them those on which something is being asked or answered. */
  readonly busy: number;
  /** Connections in use that were not waited for. */
  readonly cut: number;
  /** Why not, in words. */
  readonly reason: string;
  /** What made this process serve again. */
  readonly why: 'by order' | 'the successor died';
  /** What went wrong. */
  readonly error: unknown;
}

/** Nothing. */
type NoFacts = object;

/** What is known at each step beside what all have. */
export interface StepFacts {
  /** A process begins to become the owner, cold or by taking over. */
  starting: NoFacts;
  /** It has found its predecessor. */
  'taking over': Pick<TracedFacts, 'predecessor' | 'offered'>;
  /** `warmUp()` is called. */
  'warming up': NoFacts;
  /** `probe()` is called. */
  probing: NoFacts;
  /** It may be given the service. */
  ready: Pick<TracedFacts, 'predecessor'>;
  /** It is the owner, and accepts. */
  serving: Pick<TracedFacts, 'listeners' | 'tls' | 'allowedNetworks'> &
    Partial<Pick<TracedFacts, 'predecessor'>>;
  /** It never served. */
  'could not start': Pick<TracedFacts, 'error'>;
  /** The owner is about to run `startCommand`. */
  restarting: Pick<TracedFacts, 'command' | 'directory'> & Partial<Pick<TracedFacts, 'realDirectory'>>;
  /** The new process runs. */
  started: Pick<TracedFacts, 'child'>;
  /** The process before is asked to take the service back. */
  'rolling back': Pick<TracedFacts, 'predecessor'>;
  /** Another process has asked for the service. */
  'handing over': Pick<TracedFacts, 'successor'> & Partial<Pick<TracedFacts, 'program'>>;
  /** That one could serve. */
  'successor ready': Pick<TracedFacts, 'successor'>;
  /** It does. */
  'handed over': Pick<TracedFacts, 'successor'>;
  /** It does not: this process serves on. */
  'hand-over failed': Pick<TracedFacts, 'error'>;
  /** This process was told to stop meanwhile. */
  'restart abandoned': Pick<TracedFacts, 'child' | 'reason'>;
  /** The same. */
  'rollback abandoned': Pick<TracedFacts, 'predecessor' | 'reason'>;
  /** The new owner died. */
  'successor vanished': Pick<TracedFacts, 'successor'>;
  /** The new owner wants this process to serve again. */
  'taking back': Pick<TracedFacts, 'successor'>;
  /** It serves again. */
  'rolled back': Pick<TracedFacts, 'successor' | 'why'>;
  /** It does not. */
  'not taken back': Pick<TracedFacts, 'successor' | 'error'>;
  /** It accepts no more; told again, at most once a second, when the numbers have changed. */
  draining: Pick<TracedFacts, 'connections' | 'busy'>;
  /** The last connection has ended. */
  drained: Pick<TracedFacts, 'cut'>;
  /** It stays for `rollbackWindow`. */
  'standing by': Pick<TracedFacts, 'owner'>;
  /** It exits. */
  leaving: Pick<TracedFacts, 'owner'>;
  /** An earlier generation has left; milliseconds are those for which this process has followed it. */
  'predecessor gone': Pick<TracedFacts, 'predecessor'>;
  /** An earlier generation died; milliseconds as above. */
  'predecessor lost': Pick<TracedFacts, 'predecessor'>;
  /** The service ends. */
  stopping: Pick<TracedFacts, 'connections'>;
  /** It has ended. */
  stopped: Pick<TracedFacts, 'cut'>;
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
    readonly operation: Operation;
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
