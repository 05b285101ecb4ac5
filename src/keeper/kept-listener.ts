/** A listening socket that another process accepts from. This one has a duplicate, to hand it on. */
import type { ListenerInfo } from '../connections/connection.js';
import type { ListenAddress } from '../listeners/address.js';
import type { Listener } from '../listeners/listener.js';

/** For a socket without a name, as sd_listen_fds_with_names(3) has it. */
const UNNAMED = 'unknown';
const LONGEST_NAME = 255;

export class KeptListener implements Listener {
  readonly #socket: Listener;
  #accepting = false;

  constructor(socket: Listener) {
    this.#socket = socket;
  }

  get address(): ListenAddress {
    return this.#socket.address;
  }

  get index(): number {
    return this.#socket.index;
  }

  get info(): ListenerInfo {
    return this.#socket.info;
  }

  get bound(): string {
    return this.#socket.bound;
  }

  get open(): boolean {
    return this.#socket.open;
  }

  get accepting(): boolean {
    return this.#accepting;
  }

  /** How it stands in LISTEN_FDNAMES, where a colon comes between two, and which takes so many printable characters. */
  get name(): string {
    const { name, requested } = this.address;
    return name === requested ? UNNAMED : name.replaceAll(/[:\p{Cc}]/gu, '-').slice(0, LONGEST_NAME);
  }

  accept(): void {
    this.#accepting = true;
  }

  pause(): void {
    this.#accepting = false;
  }

  /** The program that accepts from it still does, until it is told to stop: what waits in the queue is its to serve. */
  end(): void {
    this.pause();
    if (this.open) this.unlink();
    this.drop();
  }

  drop(): void {
    this.pause();
    this.#socket.drop();
  }

  unlink(): void {
    this.#socket.unlink();
  }

  offer(): ReturnType<Listener['offer']> {
    const offer = this.#socket.offer();
    // Successors rely on it, and the program may have changed it for all.
    offer?.descriptor.setNonBlocking(true);
    return offer;
  }
}
