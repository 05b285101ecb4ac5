/** What a server tells its program: the typed events, and the snapshots they and `status()` carry. */
import type { ConnectionContext, ListenerInfo } from './connections/connection.js';
import type { UninterruptibleError } from './errors.js';
import type { State } from './lifecycle.js';

/** What `restart()` resolves with: the process that serves now. */
export interface RestartResult {
  /** 0 if the new process is in another pid namespace. */
  readonly pid: number;
  /** Higher than that of any owner before it. */
  readonly generation: number;
}

/** A process of an earlier generation that still finishes its connections. */
export interface DrainingProcess {
  /** From another pid namespace, the pid it has there. */
  readonly pid: number;
  /** Its own, not the owner's. */
  readonly generation: number;
  /** Open connections, at most about a second old. */
  readonly connections: number;
  /** Of them those on which something is being asked or answered; null if it does not tell. */
  readonly busy: number | null;
  /** Asked of it since it started: of its generation. Null if it does not speak HTTP or does not tell. */
  readonly requests: number | null;
  /** Whether it can take the service back: an order to roll back would go to it. */
  readonly canServeAgain: boolean;
  /** Until when it stays even when it has drained, in milliseconds since the epoch; null: it does not, or did not say. */
  readonly rollbackUntil: number | null;
  /** When it cuts what it still has, in milliseconds since the epoch; null: never, or it did not say. */
  readonly deadline: number | null;
}

/** A restart that is under way. */
export interface RestartUnderWay {
  /** The new process; null before it has been started. */
  readonly pid: number | null;
  /** Since when, in milliseconds since the epoch. */
  readonly since: number;
  /** When the new process is given up if it is not ready by then, in milliseconds since the epoch. */
  readonly deadline: number;
}

/** What came of the last restart, take-over or rollback. */
export interface LastHandover {
  /** When, in milliseconds since the epoch. */
  readonly at: number;
  /**
   * `done`: this process took over. `failed`: this process serves on, `error` says why. `rolled-back`: this process serves
   * again.
   */
  readonly outcome: 'done' | 'failed' | 'rolled-back';
  /** The process that took over, was to, or had; null if it is not known. */
  readonly pid: number | null;
  /** Why it failed; null if it did not. */
  readonly error: FailureReason | null;
  /** The end of what the new process wrote to stderr, if it failed and had written something. */
  readonly lastWords: string | null;
}

/** Why something failed. */
export interface FailureReason {
  /** One of `docs/errors.md`. */
  readonly code: string;
  /** A sentence for people. */
  readonly message: string;
}

/** How many connections this process has and had. */
export interface ConnectionCounts {
  /** Open now: `busy` and `idle` together. */
  readonly active: number;
  /** Something is being asked or answered, or it is not known that nothing is. */
  readonly busy: number;
  /** Kept alive by HTTP between two requests. */
  readonly idle: number;
  /** Accepted since this process started, those that have ended included. */
  readonly total: number;
}

/** How many requests this process answers and has answered. A process is one generation, so they are counted per generation. */
export interface RequestCounts {
  /** Being answered now. */
  readonly active: number;
  /** Asked since this process started. */
  readonly total: number;
}

/** A snapshot of a server. Plain data: it survives `JSON.stringify`. */
export interface Status {
  /** The same as `server.state`. */
  readonly state: State;
  /** That of this process. */
  readonly pid: number;
  /** The same as `server.generation`. */
  readonly generation: number;
  /** `name@version` from the package.json of the program, or null if it has none. */
  readonly program: string | null;
  /** Of this library, where it runs: a release may be older than the next one's, or than the command's. */
  readonly version: string;
  /** `process.version` of the server. */
  readonly node: string;
  /** When this process became the owner, in milliseconds since the epoch; null if it never did. */
  readonly ownerSince: number | null;
  /** The path of the control socket; null where there is no directory for one, or hand-overs are unavailable. */
  readonly controlPath: string | null;
  /** The option `pidfilePath`, absolute. */
  readonly pidfilePath: string | null;
  /** Those of all servers of this process, in the order they were given. */
  readonly listeners: readonly (ListenerInfo & {
    /** False while this process drains, or while `maxConnections` are open: then clients wait in the kernel's queue. */
    readonly accepting: boolean;
  })[];
  /** Those of all servers of this process. */
  readonly connections: ConnectionCounts;
  /** Of all servers that speak HTTP; null if none does. */
  readonly requests: RequestCounts | null;
  /** Only known to the owner. */
  readonly draining: readonly DrainingProcess[];
  /** Null while no restart is under way. */
  readonly restarting: RestartUnderWay | null;
  /** Whether a restart was asked for that will be carried out after the change of owner that is under way. */
  readonly restartQueued: boolean;
  /** Null before there was one that this process knows of. */
  readonly lastHandover: LastHandover | null;
  /** When this process was started, in milliseconds since the epoch. */
  readonly startedAt: number;
  /** The option `startCommand`, for whoever looks for what is wrong with it. */
  readonly startCommand: string | readonly string[] | null;
  /** The option `rollbackWindow`. */
  readonly rollbackWindow: number;
  /** The option `readyTimeout`. */
  readonly readyTimeout: number;
}

/** Events of a server: one per state, and what went wrong on the way. */
export type ServerEvents = Record<State, [from: State]> & {
  /** A handler threw or rejected. Its connection is closed, nothing else happens. */
  handlerError: [error: unknown, context: ConnectionContext];
  /** A restart or take-over failed; this process serves on. */
  handoverError: [error: UninterruptibleError];
};
