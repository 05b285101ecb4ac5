/** HTTP/2 on one connection: how many streams are open on it, and how it ends when the process drains. */
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Activity } from '../connections/connection.js';
import type { RequestCounter } from './request-counter.js';
import { patience } from './silence.js';

export interface Http2ConnectionOptions {
  readonly counter: RequestCounter;
  /** Of Node's server, in ms; 0: none. */
  readonly keepAliveTimeout: () => number;
}

const NO_ERROR = 0;
/** Every stream a client can open: "I am about to leave" (RFC 9113, 6.8). */
const ALL_STREAMS = 2 ** 31 - 1;

/**
 * The session leaves while the client waits for an answer, and says so ahead of it: a client that asks one thing at a time
 * has nothing under way then that could be cut. So an idle session leaves with the next request, or when it stays silent.
 *
 * Between the two GOAWAYs RFC 9113 advises to wait for a round trip. With Node that helps nobody: once the first was sent,
 * its nghttp2 ignores every new stream, and when none is open Node stops reading (measured, Node 20 to 26). So the second
 * follows at once. What a client that multiplexes opens at that very moment is refused by it, unprocessed: it may be sent
 * again elsewhere, whatever it is (RFC 9113, 8.7).
 */
export class Http2Connection implements Activity {
  readonly #session: ServerHttp2Session;
  readonly #options: Http2ConnectionOptions;
  #streams = 0;
  #draining = false;
  #leaving = false;

  constructor(session: ServerHttp2Session, options: Http2ConnectionOptions) {
    this.#session = session;
    this.#options = options;
  }

  get idle(): boolean {
    return this.#streams === 0;
  }

  /** A stream was opened. The program must get it at once: of one that has no body Node would tell the end to nobody. */
  begin(stream: ServerHttp2Stream): void {
    const { counter } = this.#options;
    this.#streams += 1;
    counter.begin();
    stream.on('close', () => {
      this.#streams -= 1;
      counter.end();
    });
    if (this.#draining) this.#leave();
  }

  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    if (!this.idle) {
      this.#leave();
      return;
    }
    const timer = setTimeout(() => this.#leave(), patience(this.#options.keepAliveTimeout())).unref();
    this.#session.once('close', () => clearTimeout(timer));
  }

  #leave(): void {
    const session = this.#session;
    if (this.#leaving || session.closed || session.destroyed) return;
    this.#leaving = true;
    // It refuses no stream, and is written ahead of whatever is answered in this turn.
    session.goaway(NO_ERROR, ALL_STREAMS);
    // In the next one all streams that came together are open, and it is known which was the last.
    setImmediate(() => {
      if (!session.destroyed) session.close();
    });
  }
}
