/**
 * Servers inside the test's own process: started with `start()`, ended when the test has finished. Two with one
 * `controlPath` are two generations, because the locks work within one process too.
 */
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, type NetConnectOpts, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type ConnectionContext, type Logger, Server, type ServerOptions } from '../../src/index.js';

/** A deadline for what has an event. */
const DEADLINE = 5_000;

/** Those of the test that runs; gone before its servers are stopped. */
const clients = new Set<Socket>();

export interface LogEntry {
  readonly level: string;
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** A logger that keeps what it is told. */
export class KeptLog implements Logger {
  readonly entries: LogEntry[] = [];
  readonly #arrivals = new EventEmitter();
  readonly debug = this.#level('debug');
  readonly info = this.#level('info');
  readonly warn = this.#level('warn');
  readonly error = this.#level('error');

  /** The entries with this message. */
  of(message: string): LogEntry[] {
    return this.entries.filter((entry) => entry.message === message);
  }

  /** The first entry with this message, now or later. */
  async entry(message: string): Promise<LogEntry> {
    const signal = AbortSignal.timeout(DEADLINE);
    for (;;) {
      const [found] = this.of(message);
      if (found !== undefined) return found;
      await once(this.#arrivals, 'entry', { signal }).catch(() => {
        throw new Error(
          `no line "${message}" among: ${this.entries.map((entry) => entry.message).join('; ')}`,
        );
      });
    }
  }

  #level(level: string) {
    return (facts: object | string, message = ''): void => {
      this.entries.push({ level, message, facts: facts as Record<string, unknown> });
      this.#arrivals.emit('entry');
    };
  }
}

export type Handler = (socket: Socket, context: ConnectionContext) => unknown;

/** Answers everything with the same bytes, until the client has ended. */
export async function echo(socket: Socket): Promise<void> {
  for await (const chunk of socket) socket.write(chunk as Buffer);
}

/** A server whose handler is a function. */
export class TestServer extends Server {
  readonly log: KeptLog = new KeptLog();
  readonly #handler: Handler;

  constructor(handler: Handler = echo, options: ServerOptions = {}) {
    super();
    this.#handler = handler;
    // A stray variable of the machine must not reach the tests.
    this.configure({ logger: this.log, bind: 'tcp://127.0.0.1:0', ...options });
    stoppedAtEnd(this);
  }

  override handleRequest(socket: Socket, context: ConnectionContext): unknown {
    return this.#handler(socket, context);
  }

  /** The port of its first, or its named, TCP listener. */
  port(name?: string): number {
    const found = this.boundListeners.find((listener) => name === undefined || listener.name === name);
    if (found === undefined) throw new Error(`no listener ${name ?? ''}`);
    return found.port;
  }
}

/** Stops a server when the test has finished and its clients are gone. */
export function stoppedAtEnd(server: Server): void {
  onTestFinished(async () => {
    for (const socket of clients) socket.destroy();
    await server.stop();
  });
}

/** A started server. */
export async function serving(handler?: Handler, options?: ServerOptions): Promise<TestServer> {
  const server = new TestServer(handler, options);
  await server.start();
  return server;
}

/** A client that is connected, and gone at the end of the test. */
export async function client(to: TestServer | NetConnectOpts): Promise<Socket> {
  const socket = connect(to instanceof Server ? { port: to.port(), host: '127.0.0.1' } : to);
  destroyedAtEnd(socket);
  await within(once(socket, 'connect'), 'connect');
  return socket;
}

/** Sends a text, ends the sending half, and resolves with everything that comes back until the end. */
export async function ask(to: TestServer | NetConnectOpts, text: string): Promise<string> {
  const socket = await client(to);
  socket.end(text);
  return received(socket);
}

/** Everything until the end. Rejects if the connection is reset. */
export async function received(socket: Socket): Promise<string> {
  const read = async (): Promise<string> => {
    let all = '';
    for await (const chunk of socket) all += String(chunk);
    return all;
  };
  return within(read(), 'the end of the answer');
}

/** What comes next. */
export async function nextChunk(socket: Socket): Promise<string> {
  const [chunk] = (await within(once(socket, 'data'), 'data')) as [Buffer];
  return String(chunk);
}

/** Resolves when the socket is closed, reset or not. */
export async function closed(socket: Socket): Promise<void> {
  socket.on('error', () => undefined);
  socket.resume();
  if (!socket.closed) await within(new Promise((resolve) => socket.once('close', resolve)), 'close');
}

export function destroyedAtEnd(socket: Socket): void {
  socket.on('error', () => undefined);
  clients.add(socket);
  onTestFinished(() => {
    socket.destroy();
    clients.delete(socket);
  });
}

/** A private directory, removed at the end of the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'in-process-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export async function within<T>(promise: Promise<T>, what: string, milliseconds = DEADLINE): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${milliseconds} ms for ${what}`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Waits for what has no event of its own: asks again in each turn of the loop. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + DEADLINE;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`waited ${DEADLINE} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** The error a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not reject');
}

export function portOf(address: AddressInfo | string | null): number {
  return (address as AddressInfo).port;
}
