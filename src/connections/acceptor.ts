/** Decides when the listeners of one server accept: while it serves, and while it has room (`maxConnections`). */
import type { Socket } from 'node:net';
import type { Listener } from '../listeners/listener.js';
import type { Connection } from './connection.js';
import type { ConnectionTracker } from './connection-tracker.js';

const RETRY_MILLISECONDS = 100;

export interface AcceptorOptions {
  tracker: ConnectionTracker;
  maxConnections: () => number | null;
  generation: () => number;
  onConnection: (socket: Socket, connection: Connection) => void;
  onError: (error: Error, listener: Listener) => void;
}

/** Who decides when a server accepts: an `Acceptor`, or a stand-in for one that accepts in another process. */
export type Gate = Pick<Acceptor, 'accept' | 'end' | 'listeners' | 'pause' | 'replace'>;

export class Acceptor {
  listeners: readonly Listener[] = [];
  readonly #options: AcceptorOptions;
  #wanted = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: AcceptorOptions) {
    this.#options = options;
  }

  /** Accepts from now on, in this tick. */
  accept(): void {
    this.#wanted = true;
    this.#update();
  }

  /** Stops accepting; the kernel's queues fill, nobody is refused. */
  pause(): void {
    this.#wanted = false;
    this.#update();
  }

  /** Ends the listeners for good: their queues are served, their paths removed. */
  end(listeners: readonly Listener[] = this.listeners): void {
    for (const listener of listeners) {
      try {
        listener.end(this.#onConnection);
      } catch (error) {
        this.#options.onError(error as Error, listener);
        listener.drop();
      }
    }
  }

  /** Puts another listener in the place of one that has ended. */
  replace(ended: Listener, by: Listener): void {
    this.listeners = this.listeners.map((listener) => (listener === ended ? by : listener));
    this.#update();
  }

  /** To be called when a connection has closed: there may be room again. */
  connectionClosed(): void {
    if (this.#options.maxConnections() !== null) this.#update();
  }

  #update(): void {
    const { tracker } = this.#options;
    const limit = this.#options.maxConnections();
    const hasRoom = limit === null || tracker.active < limit;
    for (const listener of this.listeners) {
      if (!this.#wanted || !hasRoom) listener.pause();
      else if (listener.open) this.#acceptFrom(listener);
    }
  }

  /** Out of descriptors, a pause cannot be ended at once: whoever waits in the queue is served when it can. */
  #acceptFrom(listener: Listener): void {
    try {
      listener.accept(this.#onConnection, (error) => this.#failed(error, listener));
    } catch (error) {
      this.#failed(error as Error, listener);
    }
  }

  #failed(error: Error, listener: Listener): void {
    this.#options.onError(error, listener);
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#update();
    }, RETRY_MILLISECONDS);
  }

  readonly #onConnection = (socket: Socket, listener: Listener): void => {
    const { tracker, generation, onConnection } = this.#options;
    const connection = tracker.add(socket, listener.info, generation());
    if (this.#options.maxConnections() !== null) this.#update();
    onConnection(socket, connection);
  };
}
