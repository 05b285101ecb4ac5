/** What the load generator takes and gives. Times are wall-clock milliseconds, comparable between processes. */
import type { ConnectionOptions } from 'node:tls';

export interface LoadOptions {
  target: LoadTarget;
  /** New connections per second; 0 (the default) for none. */
  rate?: number;
  /** Milliseconds; without it the load runs until it is stopped. */
  duration?: number;
  /**
   * `echo` (the default) expects `<line>\n`, `echo-pid` expects `<line> <pid>\n`, `http-pid` asks GET and expects the pid as
   * the body; there a new connection says `Connection: close`, and a long-lived one is kept alive.
   */
  answer?: 'echo' | 'echo-pid' | 'http-pid';
  /** Milliseconds a connection may take to its clean end, and a long-lived one for each answer; by default 5,000. */
  answerTimeout?: number;
  longLived?: LongLivedOptions;
  /** Milliseconds between two reports; by default 100. */
  progressInterval?: number;
  /** Source addresses on IPv4 loopback; by default as many as the kernel makes necessary. */
  sources?: number;
  /** A file that is told of every new connection, at the end: when it was due, and what became of it. */
  record?: string;
}

export type LoadTarget = ({ host?: string; port: number } | { path: string }) & { tls?: LoadTlsOptions };

type LoadTlsOptions = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized' | 'minVersion' | 'maxVersion'
>;

interface LongLivedOptions {
  /** By default 20. */
  count?: number;
  /** Milliseconds between two lines; by default 100. */
  interval?: number;
  /** Milliseconds after which each is closed and opened again, spread evenly; by default each stays to the end. */
  holdFor?: number;
}

export interface LoadHandle {
  readonly pid: number | undefined;
  /** The newest report. */
  readonly progress: LoadProgress | undefined;
  /** Resolves when the duration is over or `stop` has been called; rejects if the generator dies. */
  readonly result: Promise<LoadResult>;
  /** Resolves with the first progress (the newest one included) that the predicate accepts, rejects after `deadline` ms. */
  waitFor(
    predicate: (progress: LoadProgress) => boolean,
    deadline: number,
    what?: string,
  ): Promise<LoadProgress>;
  /** Makes no more connections, waits for those under way, and resolves with the result. */
  stop(): Promise<LoadResult>;
  /** Ends the generator at once. */
  kill(): Promise<void>;
}

interface LoadCounts {
  attempted: number;
  answered: number;
  lost: number;
  /** Who answered, where the answer says so. */
  pids: Record<string, AnswersOfOneProcess>;
  /** Milliseconds for which connections were made. */
  elapsed: number;
  /** Milliseconds by which the generator itself was late, at most. */
  maxLag: number;
}

interface LoadProgress extends LoadCounts {
  type: 'progress';
  underWay: number;
  /** Connections per second so far. */
  rate: number;
  longLived?: LongLivedCounts;
}

export interface LoadResult extends LoadCounts {
  type: 'result';
  /** The first part of every id of this run. */
  run: string;
  startedAt: number;
  lostByCause: Partial<Record<LossCause, number>>;
  /** Details of the first hundred. */
  losses: Loss[];
  rate: AchievedRate;
  latency: LatencySummary;
  longLived?: LongLivedCounts & { cuts: LongLivedCut[] };
}

interface AnswersOfOneProcess {
  count: number;
  first: number;
  last: number;
}

/** `local` is this machine's own failure (ports, descriptors); `queue-full` happens to UNIX sockets only. */
type LossCause =
  | 'refused'
  | 'reset'
  | 'eof'
  | 'wrong-answer'
  | 'timeout'
  | 'not-closed'
  | 'queue-full'
  | 'local'
  | 'error';

interface Loss {
  id: string;
  /** Our own, if it was a TCP connection and got that far: by it the server can tell whom it accepted. */
  port?: number;
  cause: LossCause;
  /** The system's code for it, if there was one. */
  code?: string;
  /** Lost after its answer: the connection was not closed cleanly. */
  answered: boolean;
  /** What had come of the answer. */
  received: string;
  /** When it was due. */
  startedAt: number;
  lostAt: number;
}

export interface AchievedRate {
  requested: number;
  achieved: number;
  fraction: number;
  /** At least 95 % of what was asked for. */
  reached: boolean;
}

/** Milliseconds from the moment a connection was due to its complete answer. */
export interface LatencySummary {
  p50: number;
  p99: number;
  p999: number;
  max: number;
}

interface LongLivedCounts {
  opened: number;
  open: number;
  answered: number;
  /** Closed after an answer that said so: nothing is lost. */
  announced: number;
  cutIdle: number;
  cutInRequest: number;
  unanswered: number;
  wrongAnswers: number;
  failedToOpen: number;
  notClosed: number;
  /** Milliseconds between two answers on one connection; the interval is part of it. */
  longestGap: number;
}

interface LongLivedCut {
  kind: 'cutIdle' | 'cutInRequest' | 'unanswered' | 'wrongAnswers' | 'failedToOpen' | 'notClosed';
  id: string;
  cause: LossCause;
  code?: string;
  at: number;
}
