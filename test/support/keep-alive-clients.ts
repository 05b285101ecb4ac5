/**
 * Clients that ask again and again over connections they keep alive. Whatever is not a whole answer of status 200 is a
 * loss, also a connection that closes under a request; a client that is told `Connection: close` opens another.
 */
import { EventEmitter, once } from 'node:events';
import http, { type Agent } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

export interface Losses {
  readonly requests: number;
  readonly errors: readonly string[];
  /** Pids that answered, in the order they were first seen. */
  readonly pids: readonly number[];
}

/** Milliseconds after which an answer counts as lost. */
const PATIENCE = 5_000;
/** Milliseconds that what is waited for may take. */
const DEADLINE = 15_000;

export class KeepAliveClients {
  readonly #errors: string[] = [];
  readonly #pids = new Set<number>();
  readonly #origin: URL;
  /** Emits `answer` after each request, lost or not. */
  readonly #events = new EventEmitter();
  #requests = 0;
  /** Lost ones too. */
  #answers = 0;
  #stopped = false;
  #running: Promise<unknown> = Promise.resolve();

  /** `https:` too: any certificate will do. */
  constructor(origin: string) {
    this.#origin = new URL(origin);
  }

  /** So many clients, each with the next request 0 to 20 ms after the answer before. */
  start(clients: number, protocol: 'http/1.1' | 'h2' = 'http/1.1'): this {
    const one = protocol === 'h2' ? () => this.#overHttp2() : () => this.#overHttp1();
    this.#running = Promise.all(Array.from({ length: clients }, one));
    return this;
  }

  /** Resolves when each has had its last answer. */
  async stop(): Promise<Losses> {
    this.#stopped = true;
    await this.#running;
    return { requests: this.#requests, errors: this.#errors, pids: [...this.#pids] };
  }

  /** Resolves when this process has answered. */
  async answeredBy(pid: number): Promise<void> {
    await this.#until(() => this.#pids.has(pid), `${pid} has not answered`);
  }

  /** Resolves when so many requests more have been answered, or lost. */
  async answered(requests: number): Promise<void> {
    const enough = this.#answers + requests;
    await this.#until(() => this.#answers >= enough, `${requests} requests have not been answered`);
  }

  /** Asked at once, and after each answer. */
  async #until(holds: () => boolean, otherwise: string): Promise<void> {
    const signal = AbortSignal.timeout(DEADLINE);
    try {
      while (!holds()) await once(this.#events, 'answer', { signal });
    } catch (cause) {
      throw new Error(`${otherwise}; ${this.#errors.join(', ')}`, { cause });
    }
  }

  async #overHttp1(): Promise<void> {
    const { Agent } = this.#origin.protocol === 'https:' ? https : http;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!this.#stopped) {
      await this.#ask((method, body) => ask(this.#origin, agent, method, body));
      // The pace of a client; the restart meets some between two requests.
      await delay(Math.random() * 20);
    }
    agent.destroy();
  }

  async #overHttp2(): Promise<void> {
    let session = this.#session();
    while (!this.#stopped) {
      if (session.closed || session.destroyed) {
        session = this.#session();
      }
      await this.#ask(async (method, body) => {
        const stream = session.request({ ':method': method, ':path': '/' }, { endStream: body === '' });
        stream.setTimeout(PATIENCE, () => stream.destroy(new Error('no answer')));
        if (body !== '') stream.end(body);
        return text(stream);
      });
      // As above.
      await delay(Math.random() * 20);
    }
    session.close();
  }

  #session(): ClientHttp2Session {
    const session = connect(this.#origin, { rejectUnauthorized: false });
    session.on('error', () => undefined);
    return session;
  }

  async #ask(send: (method: string, body: string) => Promise<string>): Promise<void> {
    const method = this.#requests % 2 === 0 ? 'GET' : 'POST';
    const sent = method === 'GET' ? '' : `${'body '.repeat(100)}${this.#requests}`;
    this.#requests += 1;
    try {
      const { pid, body } = JSON.parse(await send(method, sent)) as { pid: number; body: string };
      if (body !== sent) throw new Error(`answered ${body.slice(0, 50)} to ${sent.slice(0, 50)}`);
      this.#pids.add(pid);
    } catch (error) {
      this.#errors.push(String(error));
    }
    this.#answers += 1;
    this.#events.emit('answer');
  }
}

function ask(origin: URL, agent: Agent, method: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = body === '' ? {} : { 'Content-Type': 'text/plain', 'Content-Length': body.length };
    const { request: begin } = origin.protocol === 'https:' ? https : http;
    const request = begin(origin, { agent, method, headers, rejectUnauthorized: false }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`status ${String(response.statusCode)}`));
      text(response).then(resolve, reject);
    });
    request.setTimeout(PATIENCE, () => request.destroy(new Error('no answer')));
    request.on('error', reject);
    request.end(body);
  });
}
