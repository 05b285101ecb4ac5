/** HTTP servers inside the test's own process, and clients that send bytes and see answers. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ClientHttp2Session, type ClientSessionOptions, connect } from 'node:http2';
import type { Duplex } from 'node:stream';
import { onTestFinished } from 'vitest';
import { type Application, HttpServer, type HttpServerOptions } from '../../src/http.js';
import type { Connect } from '../../src/index.js';
import { client, KeptLog, stoppedAtEnd, within } from './in-process.js';

export class TestHttpServer extends HttpServer {
  readonly log: KeptLog = new KeptLog();

  constructor(application?: Application, options: HttpServerOptions = {}) {
    if (application === undefined) super();
    else super(application);
    this.configure({ logger: this.log, bind: 'tcp://127.0.0.1:0', ...options });
    stoppedAtEnd(this);
  }

  /** The port of its first TCP listener. */
  get port(): number {
    return this.boundListeners.find(({ kind }) => kind === 'tcp')?.port ?? 0;
  }
}

/** One that asks itself for `/probe` before it may be ready. */
export class ProbedHttpServer extends TestHttpServer {
  /** What it answered, as it came. */
  heard = '';

  override async probe(connect: Connect): Promise<void> {
    const socket = connect();
    socket.end('GET /probe HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n');
    for await (const chunk of socket) this.heard += String(chunk);
  }
}

/** A started server. */
export async function servingHttp(
  application?: Application,
  options?: HttpServerOptions,
): Promise<TestHttpServer> {
  const server = new TestHttpServer(application, options);
  await server.start();
  return server;
}

/** Answers with the method, the path and the length of the body. */
export async function tell(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let length = 0;
  for await (const chunk of request) length += (chunk as Buffer).length;
  response.end(`${request.method} ${request.url} ${length}`);
}

/** Requests that are held until the test lets them go. */
export class Held {
  readonly #waiting: { path: string; exchange: [IncomingMessage, ServerResponse] }[] = [];
  #arrived: (() => void)[] = [];

  readonly listener = (request: IncomingMessage, response: ServerResponse): void => {
    this.#waiting.push({ path: request.url ?? '', exchange: [request, response] });
    for (const resolve of this.#arrived.splice(0)) resolve();
  };

  /** The request for this path, now or later. */
  async of(path: string): Promise<[IncomingMessage, ServerResponse]> {
    for (;;) {
      const found = this.#waiting.find((each) => each.path === path);
      if (found !== undefined) return found.exchange;
      await within(new Promise<void>((resolve) => this.#arrived.push(resolve)), `a request for ${path}`);
    }
  }
}

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One HTTP/1 connection. It sends whatever it is told to, and reads one answer after the other. */
export class Conversation {
  readonly socket: Duplex;
  #received = '';
  #ended = false;
  #error: Error | undefined;
  #changed: () => void = () => undefined;

  constructor(socket: Duplex) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.#received += text;
      this.#changed();
    });
    socket.on('error', (error) => {
      this.#error = error;
    });
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.#ended = true;
        this.#changed();
      });
    }
  }

  send(text: string): this {
    this.socket.write(text);
    return this;
  }

  get(path: string, headers = ''): this {
    return this.send(`GET ${path} HTTP/1.1\r\nHost: test\r\n${headers}\r\n`);
  }

  post(path: string, body: string, headers = ''): this {
    return this.send(
      `POST ${path} HTTP/1.1\r\nHost: test\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`,
    );
  }

  /** The next answer, whole. */
  async answer({ toHead = false } = {}): Promise<Answer> {
    const head = await this.#until(() => this.#received.indexOf('\r\n\r\n') + 4, 4, 'an answer');
    const [status = '', ...lines] = head.split('\r\n').filter((line) => line !== '');
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 2),
      ]),
    );
    const code = Number(status.split(' ')[1]);
    const answer = { status: code, headers };
    if (toHead || code === 101 || code === 100) return { ...answer, body: '' };
    if (headers['transfer-encoding'] === 'chunked') return { ...answer, body: await this.#chunks() };
    const length = Number(headers['content-length'] ?? 0);
    return { ...answer, body: await this.take(length) };
  }

  /** So many characters. */
  take(length: number): Promise<string> {
    return this.#until(() => (this.#received.length >= length ? length : 0), Math.min(1, length), 'a body');
  }

  /** Resolves with what was not read when the server has ended the connection. Rejects if it was reset. */
  async end(): Promise<string> {
    while (!this.#ended) await this.#change('the end');
    if (this.#error !== undefined) throw this.#error;
    return this.#received;
  }

  async #chunks(): Promise<string> {
    let body = '';
    for (;;) {
      const line = await this.#until(() => this.#received.indexOf('\r\n') + 2, 2, 'a chunk');
      const size = Number.parseInt(line, 16);
      body += (await this.take(size + 2)).slice(0, size);
      if (size === 0) return body;
    }
  }

  async #until(position: () => number, least: number, what: string): Promise<string> {
    while (position() < least) {
      if (this.#ended) {
        throw new Error(`the connection ended before ${what}: ${JSON.stringify(this.#received)}`);
      }
      await this.#change(what);
    }
    const taken = this.#received.slice(0, position());
    this.#received = this.#received.slice(position());
    return taken;
  }

  #change(what: string): Promise<void> {
    const changed = new Promise<void>((resolve) => {
      this.#changed = resolve;
    });
    return within(changed, `${what}, after ${JSON.stringify(this.#received)}`);
  }
}

/** A new connection to a server. */
export async function conversation(server: TestHttpServer): Promise<Conversation> {
  return new Conversation(await client({ port: server.port, host: '127.0.0.1' }));
}

/** An HTTP/2 client that is gone at the end of the test. */
export function http2Client(
  url: string,
  options: ClientSessionOptions & { socket?: Duplex } = {},
): Http2Client {
  const { socket } = options;
  return new Http2Client(
    connect(url, {
      rejectUnauthorized: false,
      ...options,
      ...(socket && { createConnection: () => socket }),
    } as object),
  );
}

/** One HTTP/2 connection. */
export class Http2Client {
  readonly session: ClientHttp2Session;
  readonly goaways: number[] = [];
  readonly closed: Promise<void>;

  constructor(session: ClientHttp2Session) {
    this.session = session;
    session.on('goaway', (_code, last) => this.goaways.push(last));
    session.on('error', () => undefined);
    this.closed = new Promise((resolve) => session.once('close', resolve));
    onTestFinished(() => session.destroy());
  }

  /** Resolves with the answer, rejects if it is not whole. */
  ask(path: string, body?: string, headers: Record<string, string> = {}): Promise<Answer> {
    const method = body === undefined ? 'GET' : 'POST';
    const stream = this.session.request(
      { ':path': path, ':method': method, ...headers },
      { endStream: false },
    );
    stream.end(body);
    const answered = new Promise<Answer>((resolve, reject) => {
      let status = 0;
      let seen: Record<string, string> = {};
      let text = '';
      stream.setEncoding('utf8');
      stream.on('response', (received) => {
        status = Number(received[':status']);
        seen = received as Record<string, string>;
      });
      stream.on('data', (chunk: string) => {
        text += chunk;
      });
      stream.on('error', reject);
      stream.on('close', () => {
        if (stream.rstCode !== 0 || status === 0) {
          reject(new Error(`the stream was closed with ${stream.rstCode}`));
        } else resolve({ status, headers: seen, body: text });
      });
    });
    return within(answered, `the answer to ${path}`);
  }
}

/** Tells a server to stop, and resolves when its connections have been told. */
export async function drain(server: TestHttpServer): Promise<{ stopped: Promise<void> }> {
  const stopped = server.stop();
  if (server.state !== 'stopping') await within(once(server, 'stopping'), 'stopping');
  await within(server.log.entry('draining'), 'the drain');
  return { stopped };
}

/** A connection that has had one answer, and is kept alive. */
export async function kept(server: TestHttpServer): Promise<Conversation> {
  const talk = await conversation(server);
  const { headers } = await talk.get('/before').answer();
  if (headers['connection'] !== 'keep-alive') throw new Error('the connection is not kept');
  return talk;
}
