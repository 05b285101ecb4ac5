/** The class people extend. What happens to a connection is its reception's to decide, what happens to the process its service's. */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { callSite } from './call-site.js';
import { amendOptions, type ServerConfiguration, type ServerOptions } from './configuration.js';
import type { Connection, ConnectionContext, ListenerInfo } from './connections/connection.js';
import { Reception } from './connections/reception.js';
import { connectionChannel } from './diagnostics.js';
import { wrongState } from './errors.js';
import type { RestartResult, ServerEvents, Status } from './events.js';
import type { State } from './lifecycle.js';
import type { Log } from './log/log.js';
import { missingHandler, misspeltHooks, type Overridable, overridable } from './overrides.js';
import { takeInherited } from './process/environment.js';
import { run } from './run.js';
import { type Member, member } from './service/member.js';
import { Service } from './service/service.js';

/** A message of the channel `uninterruptible:connection`: the connection was just accepted. */
export interface ConnectionEvent {
  /** Which accepted it. */
  readonly server: Server;
  /** As the handler will see it. */
  readonly connection: ConnectionContext;
  /** Before the allow-list and TLS. */
  readonly socket: Socket;
}

/** Opens the client end of a connection that goes through this server's own accept path. */
export type Connect = (listenerName?: string) => Socket;

/**
 * A server that restarts without losing a connection. Extend it and implement {@link Server.handleRequest}.
 *
 * It emits an event for each state it enters (`serving`, `draining`, …), with the state it left, and `handlerError` and
 * `handoverError`.
 */
export class Server extends EventEmitter<ServerEvents> {
  static {
    // Whatever a bundler makes of it: it stands in messages.
    Object.defineProperty(this, 'name', { value: 'Server' });
  }

  /** @internal */
  declare readonly [member]: Member;
  /** Resolves when the server has stopped, whatever made it stop. Never rejects. */
  readonly stopped: Promise<void>;
  readonly #options: ServerOptions = {};
  readonly #reception: Reception;
  #configuration: ServerConfiguration | undefined;
  #service: Service | undefined;

  /** The same as `configure(options)`. */
  constructor(options?: ServerOptions) {
    super();
    let stopped: () => void = () => undefined;
    this.stopped = new Promise((resolve) => {
      stopped = resolve;
    });
    this.#reception = new Reception({
      log: () => this.#log,
      generation: () => this.generation,
      announce: (socket, connection) => this.#announce(socket, connection),
      schedule: (socket, listener) => this.acceptClientConnection(socket, listener),
      handle: (socket, connection) => this.handleRequest(socket, connection),
      handlerFailed: (error, connection) => this.#tell(() => this.emit('handlerError', error, connection)),
    });
    // Not enumerable: a server that is printed must not show its options, among them the TLS key.
    Object.defineProperty(this, member, { value: this.#asMember(stopped) });
    if (options !== undefined) this.configure(options);
  }

  /**
   * Changes options, by an object or by a function that gets them all and changes them, or returns an object of
   * changes. Later values replace earlier ones. They are checked by `run` and `start`, before anything is bound or
   * spawned.
   *
   * @throws ConfigurationError if the change is neither, or a promise: await what you need before the call.
   * @throws UninterruptibleError UNINTERRUPTIBLE_STATE_INVALID once started.
   */
  configure(change: ServerOptions | ((options: ServerOptions) => void)): this {
    if (this.state !== 'idle') throw wrongState('configure', this.state);
    amendOptions(this.#options, change);
    return this;
  }

  /**
   * The mode of a program: binds or takes over, handles signals, writes the pid file. Resolves when this process is the
   * owner and serves; ends the process when the server has stopped. For several servers use the function `run(a, b)`.
   *
   * @throws ConfigurationError with every problem, or UninterruptibleError when this process cannot serve.
   */
  run(): Promise<void> {
    return run(this);
  }

  /**
   * The mode of a library: like `run`, but without signals, and it never ends the process.
   *
   * @throws ConfigurationError with every problem, or UninterruptibleError when this process cannot serve.
   */
  async start(): Promise<void> {
    if (this.state !== 'idle') throw wrongState('start', this.state);
    await new Service([this[member]], {
      mode: 'start',
      caller: callSite(),
      inherited: takeInherited(),
    }).start();
  }

  /**
   * Starts `startCommand` and hands over to it. Resolves when the new process is the owner.
   *
   * @throws UninterruptibleError UNINTERRUPTIBLE_RESTART_… while this process serves on; `details.lastWords` is what the
   * new process wrote to stderr last. It is logged as well, and ends nothing if nobody waits for it.
   */
  restart(): Promise<RestartResult> {
    return this.#service?.restart() ?? Promise.reject(wrongState('restart', this.state));
  }

  /**
   * Hands the service back to the process before this one, which must still drain or stand by (`rollbackWindow`). Resolves
   * when that one is the owner; this process then drains, and could be gone back to in its turn.
   *
   * @throws UninterruptibleError UNINTERRUPTIBLE_ROLLBACK_IMPOSSIBLE or UNINTERRUPTIBLE_ROLLBACK_FAILED; this process
   * serves on.
   */
  rollback(): Promise<RestartResult> {
    return this.#service?.rollBack() ?? Promise.reject(wrongState('rollback', this.state));
  }

  /**
   * Stops accepting. Resolves when the last connection has ended or `drainTimeout` has cut it. In `handleRequest` write
   * `void this.stop()`: awaited there, it would wait for the connection whose handler waits for it.
   */
  async stop(): Promise<void> {
    await this.#service?.stopForProgram();
  }

  /** What the server is doing. */
  get state(): State {
    return this.#service?.state ?? 'idle';
  }

  /** Counts the owners of this service, from 1; 0 before there was one. */
  get generation(): number {
    return this.#service?.generation ?? 0;
  }

  /** Open connections, counted from the moment they were accepted. */
  get activeConnections(): number {
    return this.#reception.tracker.active;
  }

  /** Where it listens; empty before it is bound. */
  get boundListeners(): readonly ListenerInfo[] {
    return this.#reception.acceptor.listeners.map((listener) => listener.info);
  }

  /**
   * A snapshot of everything in this process, as plain data.
   *
   * @throws UninterruptibleError UNINTERRUPTIBLE_STATE_INVALID before it was started.
   */
  status(): Status {
    if (this.#service === undefined) throw wrongState('status', this.state);
    return this.#service.status();
  }

  /**
   * Counters, gauges and durations as text for Prometheus, format 0.0.4 (`text/plain; version=0.0.4`). The counters are those of
   * the service and go on across restarts and rollbacks; `docs/metrics.md` says what each means.
   *
   * @throws UninterruptibleError UNINTERRUPTIBLE_STATE_INVALID before it was started.
   */
  metrics(): string {
    if (this.#service === undefined) throw wrongState('metrics', this.state);
    return this.#service.metrics();
  }

  /**
   * What becomes of an accepted connection. Override it to schedule them, in a queue or a pool, and call
   * `processRequest` when its turn has come. A throw or rejection destroys this connection and nothing else.
   */
  protected acceptClientConnection(socket: Socket, _listener: ListenerInfo): void | Promise<void> {
    return this.processRequest(socket);
  }

  /** Checks the allow-list, does the TLS handshake, calls `handleRequest` and ends the connection. Overriders call it. */
  protected processRequest(socket: Socket): Promise<void> {
    return this.#reception.process(socket);
  }

  /**
   * Serves one connection. If it returns a promise, the connection is ended when that settles: pending writes reach the
   * client first, and a rejection is logged and emitted as `handlerError`. If it returns nothing, the connection lives
   * until its socket closes.
   */
  protected handleRequest(_socket: Socket, _context: ConnectionContext): unknown {
    throw new TypeError(`${this.constructor.name} must implement handleRequest(socket, context).`);
  }

  /**
   * Called in the new process before it may accept: fill caches, open pools. A rejection fails the hand-over. It is called
   * again if another process was faster and this one, launched on its own, starts over.
   */
  protected warmUp(): void | Promise<void> {
    // Nothing to warm up by default.
  }

  /**
   * Called in the new process after `warmUp`: speak to your own server over `connect()` and reject if it does not answer
   * as it should; that fails the hand-over.
   */
  protected probe?(connect: Connect): void | Promise<void>;

  /** Draining begins. Must be reversible: `onResume` follows if the old process serves again. */
  protected onDrain(): void | Promise<void> {
    // Nothing to announce by default.
  }

  /** The successor died while this process was still there: it serves again. */
  protected onResume(): void | Promise<void> {
    // Nothing to undo by default.
  }

  /** The last connection has ended: do what cannot be undone. The process ends when it settles. */
  protected onStop(): void | Promise<void> {
    // Nothing to close by default.
  }

  /** @internal */
  get [overridable](): Overridable {
    return {
      base: Server.prototype,
      handlers: ['handleRequest', 'processRequest', 'acceptClientConnection'],
      hooks: ['warmUp', 'probe', 'onDrain', 'onResume', 'onStop'],
    };
  }

  get #log(): Log | undefined {
    return this.#service?.configured ? this.#service.log : undefined;
  }

  #asMember(stopped: () => void): Member {
    const reception = this.#reception;
    return {
      options: this.#options,
      missingHandler: () => missingHandler(this),
      misspeltHooks: () => misspeltHooks(this),
      http: false,
      addresses: () => this.#configuration?.listeners ?? [],
      tracker: reception.tracker,
      refusals: reception.reports.refusals,
      acceptor: reception.acceptor,
      attach: (service, configuration) => {
        this.#service = service;
        this.#configuration = configuration;
        void service.stopped.then(stopped);
      },
      prepare: (secrets) => {
        if (this.#configuration !== undefined) reception.prepare(this.#configuration, secrets);
      },
      demands: () => reception.demands,
      warmUp: () => (this.warmUp === Server.prototype.warmUp ? undefined : async () => this.warmUp()),
      probe: () => (this.probe === undefined ? undefined : async (connect) => this.probe?.(connect)),
      acceptProbe: (socket, listenerName) => reception.acceptProbe(socket, listenerName),
      onDrain: async () => this.onDrain(),
      onResume: async () => this.onResume(),
      onStop: async () => this.onStop(),
      stateChanged: (to, from) => this.#tell(() => this.emit(to, from)),
      handoverFailed: (error) => this.#tell(() => this.emit('handoverError', error)),
      handlerFailed: (error, connection) => reception.handlerFailed(error, connection),
    };
  }

  #announce(socket: Socket, connection: Connection): void {
    if (!connectionChannel.hasSubscribers) return;
    const event: ConnectionEvent = { server: this, connection, socket };
    connectionChannel.publish(event);
  }

  /** A listener of the program's that throws must not stop a hand-over half way. */
  #tell(emit: () => void): void {
    try {
      emit();
    } catch (error) {
      // The log is opened after the first change of state.
      if (this.#log === undefined) process.emitWarning(error instanceof Error ? error : String(error));
      else this.#log.error('an event listener threw', { err: error });
    }
  }
}
