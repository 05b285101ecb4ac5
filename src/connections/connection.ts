/** One accepted connection, as its handler sees it. */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { UninterruptibleError } from '../errors.js';

/** A listener as it is shown to users. */
export interface ListenerInfo {
  /** The `name` of its `bind` URI, or the URI itself. */
  readonly name: string;
  /** The address the kernel bound, as a `bind` URI. */
  readonly bound: string;
  /** `unix` for paths and for abstract names. */
  readonly kind: 'tcp' | 'unix';
  /** The IP address, or the path or `@name` of a UNIX socket. */
  readonly address: string;
  /** The TCP port; 0 for UNIX sockets. */
  readonly port: number;
}

/** What `handleRequest` may know of a connection beside its socket. */
export interface ConnectionContext {
  /** Unique within this process. */
  readonly id: number;
  /** The listener it came in by. */
  readonly listener: ListenerInfo;
  /** The generation of the process that accepted it. */
  readonly generation: number;
  /** Whether this is the library's own probe and not a client. */
  readonly probe: boolean;
  /**
   * Aborted when draining starts or the connection closes. Finish what is buffered first: after each answer,
   * `if (signal.aborted) break`. Never hand it to the reader, which would cut a request in flight.
   */
  readonly signal: AbortSignal;
}

/** What is known of a connection by whoever speaks its protocol. */
export interface Activity {
  /** Whether nothing is being asked or answered: it may end at any time without a loss. */
  readonly idle: boolean;
  /** The process drains: end when what is being asked and answered is done. */
  drain(): void;
  /** The connection has closed. */
  closed?(): void;
}

/** Whoever waits for the end of a TLS handshake. */
export interface Handshake {
  resolve: (socket: TLSSocket) => void;
  reject: (error: UninterruptibleError) => void;
}

export class Connection implements ConnectionContext {
  readonly id: number;
  readonly listener: ListenerInfo;
  readonly generation: number;
  readonly probe: boolean;
  readonly socket: Socket;
  /** Whether the deadline of a drain has destroyed it. */
  cut = false;
  handshake: Handshake | undefined = undefined;
  /** Who speaks its protocol. */
  servedBy: object | undefined = undefined;
  /** Where it stands in the roster of the open ones. */
  place: number | undefined = undefined;
  /** Who counts it. */
  readonly #tracker: object;
  /** Of a connection accepted after draining began: it gets one turn of the loop before it is told. */
  readonly #late: boolean;
  #controller: AbortController | undefined;
  #reason: UninterruptibleError | undefined;
  #activity: Activity | undefined;
  #ended: Promise<void> | undefined;
  #resolveEnded: (() => void) | undefined;

  constructor(
    id: number,
    socket: Socket,
    listener: ListenerInfo,
    generation: number,
    options: { tracker: object; probe: boolean; late: boolean },
  ) {
    this.id = id;
    this.socket = socket;
    this.listener = listener;
    this.generation = generation;
    this.probe = options.probe;
    this.#tracker = options.tracker;
    this.#late = options.late;
  }

  /** Made when first asked for: most handlers never do. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.#reason !== undefined) controller.abort(this.#reason);
      else if (this.#late) setImmediate(() => this.abort('UNINTERRUPTIBLE_DRAINING'));
    }
    return this.#controller.signal;
  }

  /** Whether this one counts it. */
  isOf(tracker: object): boolean {
    return this.#tracker === tracker;
  }

  /** Whether it is open and does nothing, as far as anybody knows. */
  get idle(): boolean {
    return this.#activity?.idle ?? false;
  }

  /** What whoever speaks its protocol knows of it. */
  get activity(): Activity | undefined {
    return this.#activity;
  }

  /** Resolves when it has closed. Made when first asked for; always the same. */
  get ended(): Promise<void> {
    this.#ended ??= this.socket.closed
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#resolveEnded = resolve;
        });
    return this.#ended;
  }

  /** Whether a promise is that of its end: whoever waits for it finds nothing left to do. */
  isEnd(promise: PromiseLike<unknown>): promise is Promise<void> {
    return promise === this.#ended;
  }

  /** Whoever speaks the protocol tells what it knows, and is told when the process drains. */
  follow(activity: Activity): void {
    this.#activity = activity;
    if (this.#reason === REASONS.UNINTERRUPTIBLE_DRAINING) activity.drain();
    else if (this.#late) setImmediate(() => this.abort('UNINTERRUPTIBLE_DRAINING'));
  }

  /** To be called when its socket has closed. */
  close(): void {
    this.#activity?.closed?.();
    this.abort('UNINTERRUPTIBLE_CONNECTION_CLOSED');
    this.#resolveEnded?.();
  }

  abort(code: 'UNINTERRUPTIBLE_DRAINING' | 'UNINTERRUPTIBLE_CONNECTION_CLOSED'): void {
    if (this.#reason !== undefined) return;
    this.#reason = REASONS[code];
    this.#controller?.abort(this.#reason);
    if (code === 'UNINTERRUPTIBLE_DRAINING') this.#activity?.drain();
  }
}

/** Made once: an error with a stack for each of ten thousand connections would stall the loop. */
const REASONS = {
  UNINTERRUPTIBLE_DRAINING: new UninterruptibleError(
    'UNINTERRUPTIBLE_DRAINING',
    'This process is draining: finish the request and close the connection.',
  ),
  UNINTERRUPTIBLE_CONNECTION_CLOSED: new UninterruptibleError(
    'UNINTERRUPTIBLE_CONNECTION_CLOSED',
    'The connection has closed.',
  ),
};
