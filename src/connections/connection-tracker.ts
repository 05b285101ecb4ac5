/**
 * Every open connection of one server, from the tick it was accepted to the tick it closed. Counting starts at accept:
 * a connection that is counted later can be lost in between by a process that believes it has none.
 */
import type { Socket } from 'node:net';
import { Connection, type ListenerInfo } from './connection.js';
import { connectionOf, linkToConnection } from './connection-of.js';
import { Roster } from './roster.js';

/** So many signals are aborted in one turn of the loop; ten thousand at once would stall it. */
const ABORT_SLICE = 256;

export interface TrackerEvents {
  /** A connection was closed and is no longer counted. */
  closed: (connection: Connection) => void;
  /** An error of the socket itself: reset, timed out, … Never fatal. */
  failed: (connection: Connection, error: Error) => void;
}

/** What of it a drain looks at. */
export type Tracker = Pick<
  ConnectionTracker,
  'active' | 'announceDrain' | 'destroyAll' | 'idle' | 'oldest' | 'resume' | 'total' | 'whenEmpty'
>;

export class ConnectionTracker {
  readonly #events: TrackerEvents;
  readonly #open = new Roster();
  #emptied: (() => void)[] = [];
  #lastId = 0;
  #total = 0;
  #draining = false;

  constructor(events: TrackerEvents) {
    this.#events = events;
  }

  /** Open connections of clients. */
  get active(): number {
    return this.#open.size;
  }

  /** Of the open ones that which was accepted first. */
  get oldest(): Connection | undefined {
    let oldest: Connection | undefined;
    for (const connection of this.#open) if (connection.id < (oldest?.id ?? Infinity)) oldest = connection;
    return oldest;
  }

  /** Of the open ones those of which it is known that they do nothing. */
  get idle(): number {
    let idle = 0;
    for (const connection of this.#open) if (connection.idle) idle += 1;
    return idle;
  }

  /** All that were ever accepted. */
  get total(): number {
    return this.#total;
  }

  /** Counts a connection and makes sure that its errors cannot end the process. */
  add(socket: Socket, listener: ListenerInfo, generation: number, probe = false): Connection {
    this.#lastId += 1;
    const connection = new Connection(this.#lastId, socket, listener, generation, {
      tracker: this,
      probe,
      late: this.#draining,
    });
    linkToConnection(socket, connection);
    socket.on('error', (error) => this.#events.failed(connection, error));
    // It comes once: `once` would cost more than the rest of this method.
    socket.on('close', () => this.#closed(connection));
    if (probe) return connection;
    this.#open.add(connection);
    this.#total += 1;
    return connection;
  }

  /** undefined if it was not accepted here. */
  of(socket: Socket): Connection | undefined {
    const connection = connectionOf(socket);
    return connection?.isOf(this) ? connection : undefined;
  }

  /** Makes another socket (TLS over the first) stand for the same connection. */
  alias(socket: Socket, connection: Connection): void {
    linkToConnection(socket, connection);
    socket.on('error', (error) => {
      this.#events.failed(connection, error);
      // Node reports what breaks TLS after the handshake, and leaves the socket open (measured).
      socket.destroy();
    });
  }

  /** Resolves when no connection is open. */
  whenEmpty(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#emptied.push(resolve));
  }

  /** Tells every handler that asked for its signal, a slice per turn of the loop. */
  announceDrain(): void {
    this.#draining = true;
    const waiting = [...this.#open];
    const next = (): void => {
      if (!this.#draining) return;
      for (const connection of waiting.splice(0, ABORT_SLICE)) connection.abort('UNINTERRUPTIBLE_DRAINING');
      if (waiting.length > 0) setImmediate(next);
    };
    next();
  }

  /** Connections from now on are ordinary ones again; those that were told stay told. */
  resume(): void {
    this.#draining = false;
  }

  /** Destroys what is open and says how many of them were doing something. */
  destroyAll(): number {
    const cut = this.active - this.idle;
    for (const connection of [...this.#open]) {
      connection.cut = true;
      connection.socket.destroy();
    }
    return cut;
  }

  #closed(connection: Connection): void {
    const isCounted = this.#open.delete(connection);
    connection.close();
    if (!isCounted) return;
    this.#events.closed(connection);
    if (this.#open.size > 0) return;
    for (const resolve of this.#emptied.splice(0)) resolve();
  }
}
