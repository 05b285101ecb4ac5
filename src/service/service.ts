/**
 * Everything of a process that changes hands in one exchange: its servers, their listeners, its seat and its state.
 * This file holds what is known; `start.ts`, `hand-over.ts`, `restart.ts` and `stop.ts` are what happens to it.
 */
import type { Binding, Descriptor } from '../binding.js';
import { loadBinding } from '../binding.js';
import { type CallSite, leadTo } from '../call-site.js';
import type { ProcessConfiguration } from '../configuration.js';
import { resolveConfiguration } from '../configuration.js';
import type { TlsSecrets } from '../connections/tls-secrets.js';
import {
  handoverChannel,
  STEPS,
  type StateEvent,
  type StepFacts,
  type StepName,
  stateChannel,
} from '../diagnostics.js';
import { describeError, UninterruptibleError } from '../errors.js';
import type { LastHandover, RestartResult, Status } from '../events.js';
import type { DrainingPeer } from '../handover/draining-peer.js';
import type { Greeter } from '../handover/greeter.js';
import type { OwnerPeer } from '../handover/owner-peer.js';
import { FEATURES } from '../handover/protocol.js';
import { Lifecycle, type State } from '../lifecycle.js';
import type { PassedDescriptor } from '../listeners/passed-sockets.js';
import type { Log } from '../log/log.js';
import { openLog } from '../log/open-log.js';
import type { Ledger } from '../metrics/ledger.js';
import {
  currentEnvironment,
  type Environment,
  type Inherited,
  type Supervisor,
} from '../process/environment.js';
import type { PidFile } from '../process/pid-file.js';
import { readProgram } from '../process/program.js';
import { refuseCluster } from './cluster.js';
import { isInHook } from './hooks.js';
import type { Member } from './member.js';
import { exposition, ledgerOf, shareBooks } from './metrics.js';
import { Notifier } from './notify.js';
import { greeterOf } from './orders.js';
import type { Reserve } from './reserve.js';
import { Restarts } from './restart.js';
import { Rollbacks } from './rollback.js';
import type { Seat } from './seat.js';
import { start } from './start.js';
import { statusOf } from './status.js';
import { stop } from './stop.js';
import { Timeline } from './timeline.js';

const STDERR = 2;
const NEVER_BEGUN: ReadonlySet<string> = new Set([
  'UNINTERRUPTIBLE_STATE_INVALID',
  'UNINTERRUPTIBLE_ROLLBACK_IMPOSSIBLE',
]);
/** As many characters of the last words of a new process go into `status`; all of them are in the log. */
const LAST_WORDS_TOLD = 2_000;

/** Left out where there are none. */
type FactsOf<Name extends StepName> = object extends StepFacts[Name]
  ? [facts?: StepFacts[Name]]
  : [facts: StepFacts[Name]];

export interface ServiceOptions {
  /** `run` ends the process; `start` never does. */
  mode: 'run' | 'start';
  /** Where the program started it. */
  caller: CallSite;
  /** What the predecessor that started this process left in the environment. */
  inherited: Inherited | undefined;
  /** Sockets that a service manager passed to this process. */
  passed?: readonly PassedDescriptor[];
  /** Whoever started this process and wants to be told of it. A program that embeds a server speaks for itself. */
  supervisor?: Supervisor | undefined;
  /** Whoever accepts the connections, where that is another process. It ends for good when this one gives the service away. */
  serving?: { readonly pid: number; readonly program: string };
  /** Where options are looked for, instead of in the environment of this process. */
  environment?: Environment;
}

export class Service {
  readonly members: readonly Member[];
  readonly options: ServiceOptions;
  readonly lifecycle: Lifecycle;
  readonly restarts: Restarts = new Restarts(this);
  readonly rollbacks: Rollbacks = new Rollbacks(this);
  readonly notifier: Notifier = new Notifier(this);
  /** Resolves when the service has stopped here, with how many connections a deadline cut. Never rejects. */
  readonly stopped: Promise<number>;
  /** Why hand-overs are impossible here, or undefined. */
  unavailable: string | undefined;
  /** What the loader of the addon said, if it was that. */
  readonly unavailableCause: unknown;
  readonly #binding: Binding | undefined;
  readonly #resolveStopped: (cut: number) => void;

  /** That of this process; while it starts the one it will have. */
  generation = 0;
  /** The highest seen: the next owner is this + 1. */
  highestGeneration = 0;
  /** `name@version` of the program, for display. */
  readonly program: string | null;
  /** Of the process that serves. */
  readonly pid: number;
  /** Who this process ran as when it was made: its successor will be let in by that. */
  readonly uid: number | undefined = process.geteuid?.();
  ownerSince: number | null = null;
  /** What came of the last change of owner that was tried. */
  lastHandover: LastHandover | null = null;
  /** When `owner` was last said or heard, on the monotonic clock: take-overs without a token wait a second. */
  lastChange: number = Number.NEGATIVE_INFINITY;
  seat: Seat | undefined;
  /** Where the predecessor looks for its owner, if that is another path than ours. */
  formerSeat: Seat | undefined;
  pidFile: PidFile | undefined;
  secrets: TlsSecrets | undefined;
  /** Processes that drain, as far as they have told us. The direct predecessor still has duplicates. */
  readonly draining: Set<DrainingPeer> = new Set();
  /** The process that gave the service to this one, also when it has left. */
  predecessor: DrainingPeer | undefined;
  /** The real stderr, of the predecessor that started this process with a pipe instead. It takes that as the owner. */
  offeredStderr: Descriptor | undefined;
  /** Who owns the service since we gave it away. */
  owner: OwnerPeer | undefined;
  /** Whether we could take it back. */
  reserve: Reserve | undefined;
  /** The exchange under way, until it is known who is the owner. */
  exchange: Promise<unknown> | undefined;
  /** Settles when `start` has. */
  startup: Promise<unknown> = Promise.resolve();
  /** Settles when the program has been told of the latest drain. */
  drainAnnounced: Promise<void> = Promise.resolve();
  /** Tells the owner what is left of this process, while there is one. */
  tellOwner: (() => void) | undefined;
  /** When what goes on began. */
  readonly timeline: Timeline = new Timeline();
  /** What the service has counted, over all generations. */
  readonly ledger: Ledger;
  /** What happens to whoever connects to the control path. */
  readonly greeter: Greeter = greeterOf(this);
  /** Aborted when this process shall stop while a start or an exchange is under way. */
  readonly stopping: AbortController = new AbortController();
  readonly #hurry = new AbortController();
  /** Aborted when what is open shall be cut at once. */
  readonly hurried: AbortSignal = this.#hurry.signal;
  /** Whether the program called `stop()`: a handler of its own may wait for that. */
  stopCalled = false;

  #configuration: ProcessConfiguration | undefined;
  #log: Log | undefined;
  #stop: Promise<void> | undefined;
  #changedAt = performance.now();

  /** Throws RUN_IN_CLUSTER. */
  constructor(members: readonly Member[], options: ServiceOptions) {
    refuseCluster();
    this.members = members;
    this.options = options;
    this.program = options.serving?.program ?? readProgram(process.argv[1]);
    this.pid = options.serving?.pid ?? process.pid;
    this.ledger = ledgerOf(members);
    this.lifecycle = new Lifecycle((to, from) => this.#changed(to, from));
    let resolveStopped: (cut: number) => void = () => undefined;
    this.stopped = new Promise((resolve) => {
      resolveStopped = resolve;
    });
    this.#resolveStopped = resolveStopped;
    const loaded = loadBinding();
    this.#binding = 'binding' in loaded ? loaded.binding : undefined;
    this.unavailable = 'binding' in loaded ? undefined : loaded.unavailable;
    this.unavailableCause = 'binding' in loaded ? undefined : loaded.cause;
  }

  get state(): State {
    return this.lifecycle.state;
  }

  /** undefined where the addon is not available. */
  get binding(): Binding | undefined {
    return this.#binding;
  }

  get configuration(): ProcessConfiguration {
    if (this.#configuration === undefined) throw new TypeError('The service is not configured yet.');
    return this.#configuration;
  }

  /** Whether the service is far enough to log and to be ordered about. */
  get configured(): boolean {
    return this.#log !== undefined;
  }

  get log(): Log {
    if (this.#log === undefined) throw new TypeError('The service is not configured yet.');
    return this.#log;
  }

  readonly flushLog = async (): Promise<void> => this.#log?.flush();

  /** Whether it can be gone back to once it has given the service away. */
  get canServeAgain(): boolean {
    return this.options.serving === undefined;
  }

  /** What this process can do beyond the version of the protocol. */
  get features(): string[] {
    return FEATURES.filter((feature) => this.canServeAgain || feature !== 'take-back');
  }

  /** Open connections of all servers. */
  get active(): number {
    return this.members.reduce((sum, member) => sum + member.tracker.active, 0);
  }

  /** Of those the ones that are known to do nothing. Looks at each. */
  get idle(): number {
    return this.members.reduce((sum, { tracker }) => sum + tracker.idle, 0);
  }

  /** Checks the options of all servers. Throws a ConfigurationError; nothing has happened then. */
  configure(): void {
    try {
      this.#configure();
    } catch (error) {
      leadTo(this.options.caller, error);
      throw error;
    }
  }

  #configure(): void {
    const resolved = resolveConfiguration(
      this.members.map((member) => member.options),
      this.options.environment ?? currentEnvironment(),
      {
        startedIn: process.cwd(),
        commandLine: [process.execPath, ...process.execArgv, ...process.argv.slice(1)],
        // Another program need not be one that can be started anew.
        mode: this.options.serving === undefined ? this.options.mode : 'start',
        flaws: this.members.flatMap((member) => member.missingHandler() ?? []),
        http: this.members.map(({ http }) => http),
      },
    );
    this.#configuration = resolved.process;
    this.members.forEach((member, at) => {
      const configuration = resolved.servers[at];
      if (configuration !== undefined) member.attach(this, configuration);
    });
  }

  /** Resolves when this process is the owner and serves. */
  start(): Promise<void> {
    const started = this.#start();
    this.startup = started.catch(() => undefined);
    return started;
  }

  async #start(): Promise<void> {
    if (this.#configuration === undefined) this.configure();
    this.timeline.begin('start');
    this.lifecycle.to('starting');
    this.trace('starting', {});
    try {
      const { logger, logPath, logLevel } = this.configuration;
      this.#log = await openLog({ logger, logPath, logLevel, generation: () => this.generation });
      this.notifier.starting();
      await start(this);
    } catch (error) {
      leadTo(this.options.caller, error);
      this.#log?.error('could not start', { err: error });
      this.notifier.startFailed(error);
      this.trace('could not start', { error });
      if (!this.lifecycle.is('stopping')) this.finish(0);
      throw error;
    }
  }

  restart(): Promise<RestartResult> {
    return this.#told(this.restarts.request());
  }

  rollBack(): Promise<RestartResult> {
    return this.#told(this.rollbacks.request());
  }

  /**
   * Nobody need wait for it: unhandled, its rejection would end a process that serves on. What was never begun is told here,
   * everything else where it happens.
   */
  #told(change: Promise<RestartResult>): Promise<RestartResult> {
    change.catch((error: unknown) => {
      const { code, message } = error as UninterruptibleError;
      if (NEVER_BEGUN.has(code)) this.#log?.warn(message);
    });
    return change;
  }

  /**
   * Resolves when the last connection has ended and everything is cleaned up. Later calls join the first. Called by a hook
   * that the stop itself waits for, it resolves at once.
   */
  stop(): Promise<void> {
    this.#stop ??= stop(this);
    return isInHook() ? Promise.resolve() : this.#stop;
  }

  /** A stop that the program orders itself. */
  stopForProgram(): Promise<void> {
    this.stopCalled = true;
    const isFirst = this.#stop === undefined && !this.lifecycle.is('stopping', 'stopped');
    if (isFirst && this.configured) this.log.info('stop ordered', { by: 'the program' });
    return this.stop();
  }

  /** The last thing that happens. */
  finish(cut: number): void {
    if (this.lifecycle.is('stopped')) return;
    if (!this.lifecycle.is('stopping', 'idle', 'starting', 'taking-over')) this.lifecycle.to('stopping');
    this.lifecycle.to('stopped');
    this.#resolveStopped(cut);
  }

  /** Cuts what is open, now and whatever is accepted later: this process is to leave. */
  hurry(): void {
    this.#hurry.abort();
  }

  /** The same for those who drain behind this process. */
  hurryEarlier(): void {
    for (const peer of this.draining) peer.hurry();
  }

  /** A stop ordered by signal or operator: nobody waits for its promise. */
  orderStop(): void {
    this.stop().catch((error: unknown) => this.#log?.error('could not stop cleanly', { err: error }));
  }

  stoppedError(): UninterruptibleError {
    return new UninterruptibleError('UNINTERRUPTIBLE_STOPPED');
  }

  /** The stderr this process writes to, for a child that writes to `pipe` until it is the owner. */
  realStderr(pipe: Descriptor): { real: Descriptor; pipe: Descriptor } | undefined {
    if (this.#binding === undefined) return undefined;
    const borrowed = this.#binding.adopt(STDERR);
    try {
      return { real: borrowed.duplicate(), pipe };
    } finally {
      // Else it would be closed with the object that owns it.
      borrowed.release();
    }
  }

  /** One step of whatever goes on: a line at `info`, and a message for whoever traces. */
  step<Name extends StepName>(step: Name, ...[facts]: FactsOf<Name>): void {
    const known = (facts ?? {}) as StepFacts[Name];
    this.log.info(step, { ...known });
    this.notifier.step(step);
    this.trace(step, known);
  }

  /** The message alone. `milliseconds`, if the operation did not begin with this process's part of it. */
  trace<Name extends StepName>(step: Name, facts: StepFacts[Name], milliseconds?: number): void {
    if (!handoverChannel.hasSubscribers) return;
    const operation = STEPS[step];
    handoverChannel.publish({
      step,
      operation,
      milliseconds: milliseconds ?? this.timeline.elapsed(operation),
      pid: process.pid,
      generation: this.generation,
      ...facts,
    });
  }

  /** A restart or take-over that failed while this process serves on. */
  handoverFailed(error: UninterruptibleError): void {
    const { details } = error;
    // In bounded size: a successor may say what it likes, and `status` is one packet.
    const { code, message } = describeError(error);
    const pid = typeof details?.['pid'] === 'number' ? details['pid'] : null;
    const words = details?.['lastWords'];
    const lastWords = typeof words === 'string' && words !== '' ? words.slice(-LAST_WORDS_TOLD) : null;
    this.lastHandover = { at: Date.now(), outcome: 'failed', pid, error: { code, message }, lastWords };
    this.ledger.count('handovers_failed');
    this.log.error('hand-over failed, serving on', { err: error });
    this.notifier.reloadFailed(error);
    this.trace('hand-over failed', { error });
    for (const member of this.members) member.handoverFailed(error);
  }

  status(): Status {
    return statusOf(this);
  }

  /** The same as text for Prometheus, with what was counted over all generations. */
  metrics(): string {
    shareBooks(this);
    return exposition(this);
  }

  #changed(to: State, from: State): void {
    this.#log?.debug(`${from} → ${to}`);
    // Whoever rotates tells the owner; this process was not, or was not known to it.
    if (to === 'serving' || to === 'draining') this.#log?.keepUp();
    this.notifier.stateChanged(to, from);
    for (const member of this.members) member.stateChanged(to, from);
    const since = this.#changedAt;
    this.#changedAt = performance.now();
    if (!stateChannel.hasSubscribers) return;
    const event: StateEvent = {
      state: to,
      from,
      milliseconds: this.#changedAt - since,
      pid: process.pid,
      generation: this.generation,
    };
    stateChannel.publish(event);
  }
}
