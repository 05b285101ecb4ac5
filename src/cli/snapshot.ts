/** What a server says of itself, read leniently: an older one leaves fields out, a newer one has more. Pure. */
import { harmless, harmlessLine } from '../process/harmless.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';

export interface Snapshot {
  readonly state: string;
  readonly pid: number;
  readonly generation: number;
  /** `name@version` of the program. */
  readonly program: string | undefined;
  /** Of the library. */
  readonly version: string | undefined;
  /** `process.version` of the server. */
  readonly node: string | undefined;
  readonly startedAt: number | undefined;
  readonly ownerSince: number | undefined;
  readonly controlPath: string | undefined;
  /** Null: it has none. Undefined: it does not say. */
  readonly pidfilePath: string | null | undefined;
  readonly listeners: readonly SnapshotListener[];
  readonly connections: Counts;
  /** Undefined: it speaks no HTTP. */
  readonly requests: Counts | undefined;
  readonly draining: readonly Draining[];
  /** Undefined while none is under way. */
  readonly restarting: Restarting | undefined;
  /** Whether another waits behind the change of owner that is under way. */
  readonly restartQueued: boolean;
  readonly lastHandover: LastHandover | undefined;
  readonly startCommand: string | readonly string[] | undefined;
  readonly rollbackWindow: number | undefined;
  readonly readyTimeout: number | undefined;
}

interface SnapshotListener {
  readonly name: string;
  readonly bound: string;
  readonly accepting: boolean;
}

interface Counts {
  readonly active: number;
  readonly total: number;
  readonly busy: number | undefined;
  readonly idle: number | undefined;
}

export interface Draining {
  readonly pid: number;
  readonly generation: number;
  readonly connections: number;
  readonly busy: number | undefined;
  readonly canServeAgain: boolean;
  readonly rollbackUntil: number | undefined;
  readonly deadline: number | undefined;
}

export interface Restarting {
  /** The new process. */
  readonly pid: number | undefined;
  readonly since: number | undefined;
  readonly deadline: number | undefined;
}

export interface LastHandover {
  readonly at: number;
  /** `done`, `failed`, `rolled-back`. */
  readonly outcome: string;
  readonly pid: number | undefined;
  readonly error: { readonly code: string; readonly message: string } | undefined;
  /** Of the new process; may be several lines. */
  readonly lastWords: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** Throws a `Failure` if it is no status at all. */
export function readSnapshot(status: Fields): Snapshot {
  const state = text(status['state']);
  const pid = number(status['pid']);
  if (state === undefined || pid === undefined) {
    throw new Failure(EXIT.unknown, 'nonsense', 'What answers there is no server of this library.');
  }
  return {
    state,
    pid,
    generation: number(status['generation']) ?? 0,
    program: text(status['program']),
    version: text(status['version']),
    node: text(status['node']),
    startedAt: number(status['startedAt']),
    ownerSince: number(status['ownerSince']),
    controlPath: text(status['controlPath']),
    pidfilePath: status['pidfilePath'] === null ? null : text(status['pidfilePath']),
    listeners: list(status['listeners']).map((listener) => ({
      name: text(listener['name']) ?? '?',
      bound: text(listener['bound']) ?? '?',
      accepting: listener['accepting'] === true,
    })),
    connections: counts(fields(status['connections'])) ?? NONE,
    requests: counts(fields(status['requests'])),
    draining: list(status['draining']).map(draining),
    restarting: restarting(fields(status['restarting'])),
    restartQueued: status['restartQueued'] === true,
    lastHandover: lastHandover(fields(status['lastHandover'])),
    startCommand: command(status['startCommand']),
    rollbackWindow: number(status['rollbackWindow']),
    readyTimeout: number(status['readyTimeout']),
  };
}

const NONE: Counts = { active: 0, total: 0, busy: undefined, idle: undefined };

function counts(from: Fields | undefined): Counts | undefined {
  if (from === undefined) return undefined;
  return {
    active: number(from['active']) ?? 0,
    total: number(from['total']) ?? 0,
    busy: number(from['busy']),
    idle: number(from['idle']),
  };
}

function draining(from: Fields): Draining {
  return {
    pid: number(from['pid']) ?? 0,
    generation: number(from['generation']) ?? 0,
    connections: number(from['connections']) ?? 0,
    busy: number(from['busy']),
    canServeAgain: from['canServeAgain'] === true,
    rollbackUntil: number(from['rollbackUntil']),
    deadline: number(from['deadline']),
  };
}

function restarting(from: Fields | undefined): Restarting | undefined {
  if (from === undefined) return undefined;
  return {
    pid: number(from['pid']),
    since: number(from['since']),
    deadline: number(from['deadline']),
  };
}

function lastHandover(from: Fields | undefined): LastHandover | undefined {
  const at = number(from?.['at']);
  if (from === undefined || at === undefined) return undefined;
  const error = fields(from['error']);
  return {
    at,
    outcome: text(from['outcome']) ?? '?',
    pid: number(from['pid']),
    error:
      error === undefined
        ? undefined
        : { code: text(error['code']) ?? '?', message: text(error['message']) ?? '?' },
    lastWords: typeof from['lastWords'] === 'string' ? harmless(from['lastWords']) : undefined,
  };
}

function command(from: unknown): string | readonly string[] | undefined {
  if (!Array.isArray(from)) return text(from);
  return from.map((word) => text(word) ?? '?');
}

function text(from: unknown): string | undefined {
  return typeof from === 'string' ? harmlessLine(from) : undefined;
}

function number(from: unknown): number | undefined {
  return typeof from === 'number' && Number.isFinite(from) ? from : undefined;
}

function fields(from: unknown): Fields | undefined {
  return typeof from === 'object' && from !== null && !Array.isArray(from) ? (from as Fields) : undefined;
}

function list(from: unknown): Fields[] {
  if (!Array.isArray(from)) return [];
  return (from as unknown[]).map(fields).filter((each) => each !== undefined);
}
