/**
 * Hand-over protocol, version 1: every message, limit and wait. `docs/protocol.md` is the same as prose.
 *
 * Version 1: the first. It stays spoken when a version 2 comes, so that a rollback can take over too.
 * Version 0 was never supported and never will be: tests ask for it.
 */

/** Versions this build speaks, best first. */
export const PROTOCOL_VERSIONS: readonly number[] = [1];

/** What this build can do beyond the version; unknown words are ignored. */
export const FEATURES: readonly string[] = ['take-back', 'hurry', 'counters', 'reopen-log'];

/** The longest packet anybody may send, in bytes. */
export const MAX_PACKET_BYTES = 65_536;

/** SCM_MAX_FD of the kernel (include/net/scm.h): more in one packet is EINVAL. */
export const MAX_DESCRIPTORS = 253;

/** How many counters one account may have. */
export const MAX_COUNTERS = 64;

/** How long each side waits for the other, in milliseconds. */
export const WAITS = {
  firstPacket: 5_000,
  batch: 5_000,
  yours: 10_000,
  owner: 5_000,
  farewell: 1_000,
  /** How long a predecessor that is to take the service back may take to connect. */
  takeBack: 5_000,
  /** How long the old control inode still answers `moved`: whoever looked the path up before the rename is through by then. */
  moved: 1_000,
  /** How long a lock whose holder has just died may take to come free. */
  ownerLock: 1_000,
  /** A take-over without a token this soon after the last change of owner waits (no ping-pong of two supervisors). */
  settle: 1_000,
} as const;

/** A listener as it travels beside its descriptor. */
export interface ListenerRecord {
  /** What the descriptor is. A receiver closes kinds it does not know. */
  kind: 'listener';
  /** The address as configured, canonical: with `index` it is the identity between generations. */
  requested: string;
  /** Tells several listeners with one requested address (`tcp://127.0.0.1:0` twice) apart. */
  index: number;
  /** The address the kernel bound, in the same form. */
  bound: string;
  family: 'inet' | 'inet6' | 'unix';
  type: 'stream';
  backlog: number;
  /** What its users call it, where that is not its address. */
  name?: string;
  /** Of a UNIX path: the file it made, so that only its owner unlinks it. */
  file?: { device: string; inode: string };
  /** A service manager keeps the socket as well: nobody shuts it down or unlinks it. */
  lent?: boolean;
}

/** What was counted, by name. Names that a process does not know it passes on. */
export type Counters = Readonly<Record<string, number>>;

/** What one process has counted since it started. */
export interface Account {
  /** A name that it made up, and that nobody else has. */
  readonly process: string;
  readonly counters: Counters;
}

/** What a service has counted over all generations. */
export interface Books {
  /** Since when, in milliseconds since the epoch. */
  readonly since: number;
  /** Of processes that have left. */
  readonly settled: Counters;
  /** The sender's, then those of who drains, as it was told last. */
  readonly accounts: readonly Account[];
}

export interface TakeOver {
  type: 'take-over';
  versions: number[];
  features: string[];
  /** For display only; 0 or wrong across pid namespaces. */
  pid: number;
  /** Proves that the sender is the process the receiver has just started. */
  token?: string;
  /** The sender's program version, for display. */
  program?: string;
}

export interface Offer {
  type: 'offer';
  version: number;
  features: string[];
  pid: number;
  /** The highest generation the sender has seen; the next owner is this + 1. */
  generation: number;
  /** How many listeners follow. */
  listeners: number;
  /** Base64 of 48 bytes. A secret: never logged. */
  ticketKeys?: string;
  /** Base64; with the ticket keys it lets TLS sessions resume. */
  sessionIdContext?: string;
  books?: Books;
  /** 1 if the real stderr is attached (for a child with a token). */
  descriptors?: number;
}

export interface Listeners {
  type: 'listeners';
  listeners: ListenerRecord[];
  descriptors: number;
}

/** Over a connection that a child inherited: the descriptor is one end of another, whose first packet comes next. */
interface Connection {
  type: 'connection';
  descriptors: number;
}

/** Acknowledges a packet with descriptors, or a `bye`. */
interface Received {
  type: 'received';
  /** With a `bye`: the sender's last word, because it tells nobody else. */
  counters?: Counters;
}

export interface Refused {
  type: 'refused';
  reason: 'busy' | 'forbidden' | 'no-common-version' | 'stopping';
  message: string;
  versions?: number[];
}

export interface Ready {
  type: 'ready';
  /**
   * Which of the offered listeners the successor does not use: their positions in the offer, from 0. Positions, because one
   * packet must have room for those of thousands.
   */
  unclaimed: number[];
  controlPath: string | null;
  pidfilePath: string | null;
  /** The pid of the process that accepts, where that is another than the sender. */
  serving?: number;
}

/** The successor cannot serve, or an order could not be carried out. */
export interface Failed {
  type: 'failed';
  code: string;
  message: string;
  stack?: string;
  /** Of a restart: what the new process wrote to stderr last. */
  lastWords?: string;
}

interface Yours {
  type: 'yours';
  /** As they are now, in place of those of the offer. */
  books?: Books;
  /** 1 if the read end of the successor's stderr pipe is attached. */
  descriptors?: number;
}

interface Owner {
  type: 'owner';
  generation: number;
}

interface Cancelled {
  type: 'cancelled';
  code: string;
  message: string;
}

/** From the owner to its predecessor: drop your duplicates, I leave on purpose or am followed by another. */
interface Bye {
  type: 'bye';
}

/** From the owner to its predecessor, which must have announced it: take the service back, by a `take-over` with this token. */
interface TakeBack {
  type: 'take-back';
  token: string;
}

/** What is left of a process that drains. */
export interface Remainder {
  connections: number;
  /** Of them those on which something is being asked or answered. */
  busy?: number;
  /** Asked of it since it started; of a process that speaks HTTP. */
  requests?: number;
  /** Milliseconds for which the sender can still serve again at least: the rest of its rollback window. */
  rollback?: number;
  /** Milliseconds until what it still has is cut, if ever. */
  deadline?: number;
  counters?: Counters;
}

interface Draining extends Remainder {
  type: 'draining';
}

/** From the owner to a draining process that announced it: your deadline is now. */
interface Hurry {
  type: 'hurry';
}

/** From the owner to a draining process that announced it: somebody has moved the log away. */
interface ReopenLog {
  type: 'reopen-log';
}

interface Gone {
  type: 'gone';
  counters?: Counters;
}

/** From the owner to a draining process that announced it: what it has told others of the counters, or is about to. */
interface Counted {
  type: 'counted';
  books: Books;
}

/** The sender is no longer the owner: connect again. */
interface Moved {
  type: 'moved';
}

/** A draining process whose own successor left registers with the owner. */
export interface StandBy extends Remainder {
  type: 'stand-by';
  pid: number;
  generation: number;
  /** What the sender can do beyond the version. */
  features?: string[];
  /** The name of its account. */
  process?: string;
}

/** An operator's orders. */
interface StatusOrder {
  type: 'status';
  /** Asks for the metrics instead. */
  metrics?: boolean;
}
interface RestartOrder {
  type: 'restart';
}
interface RollbackOrder {
  type: 'rollback';
}
interface StopOrder {
  type: 'stop';
  /** Cuts what is open instead of waiting for it. */
  now?: boolean;
}

/** The answer to `status`, in as many packets as its listeners need; its shape is documented with `Server.status()`. */
export interface StatusAnswer {
  type: 'status';
  /** In all packets but the first nothing but further `listeners`. */
  status: Record<string, unknown>;
  /** Another packet of this answer follows. */
  more?: boolean;
}

/** The answer to a `status` that asked for metrics: a piece of the text. */
interface MetricsAnswer {
  type: 'status';
  text: string;
  /** Another packet of this answer follows. */
  more?: boolean;
}

/** A step of an order under way; may be left out when the reader is slow. */
interface Progress {
  type: 'progress';
  step: string;
  pid?: number;
}

interface Restarted {
  type: 'restarted';
  pid: number;
  generation: number;
}

/** The process before is the owner again. */
interface RolledBack {
  type: 'rolled-back';
  pid: number;
  generation: number;
}

interface Stopping {
  type: 'stopping';
}

export type Message =
  | TakeOver
  | Offer
  | Listeners
  | Connection
  | Received
  | Refused
  | Ready
  | Failed
  | Yours
  | Owner
  | Cancelled
  | Bye
  | TakeBack
  | Draining
  | Hurry
  | ReopenLog
  | Gone
  | Counted
  | Moved
  | StandBy
  | StatusOrder
  | RestartOrder
  | RollbackOrder
  | StopOrder
  | StatusAnswer
  | MetricsAnswer
  | Progress
  | Restarted
  | RolledBack
  | Stopping;

/** That of the next owner. A peer may name any; beyond the largest that can be told nobody could hand over. */
export function generationAfter(generation: number): number {
  return Math.min(generation + 1, Number.MAX_SAFE_INTEGER);
}

/** The highest version both lists name, or undefined. */
export function commonVersion(ours: readonly number[], theirs: readonly number[]): number | undefined {
  return ours.filter((version) => theirs.includes(version)).sort((a, b) => b - a)[0];
}
