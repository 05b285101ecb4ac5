/**
 * What the tests of the addon share: the binding, owners for descriptors, waiting for events, child programs.
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { type Binding, type ControlSocket, type Descriptor, loadBinding } from '../../src/binding.js';

const EVENT_MILLISECONDS = 8_000;
/** Of child programs. Some start many workers, on machines that do other things too. */
const END_MILLISECONDS = 40_000;

/** For tests of programs that take long. */
export const LONG_TEST_MILLISECONDS = 60_000;

/** Fails the test if `promise` has not settled in time. */
export async function inTime<T>(
  promise: Promise<T>,
  what: string,
  milliseconds: number = EVENT_MILLISECONDS,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`waited too long for ${what}`));
    }, milliseconds);
  });
  return Promise.race([promise, late]).finally(() => {
    clearTimeout(timer);
  });
}

export function nativeBinding(): Binding {
  const result = loadBinding();
  if ('unavailable' in result) throw new Error(result.unavailable, { cause: result.cause });
  return result.binding;
}

const cleanups: (() => void)[] = [];

/** Closes it when the test ends. */
export function own<T extends { close(): void }>(resource: T): T {
  cleanups.push(() => {
    resource.close();
  });
  return resource;
}

export function ownAll<T extends readonly { close(): void }[]>(resources: T): T {
  resources.forEach(own);
  return resources;
}

/** A new directory, removed when the test ends. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'native-'));
  cleanups.push(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** For the top of a test file, after expectNoDescriptorLeak(): hooks run in reverse. */
export function closeAfterEach(): void {
  afterEach(() => {
    while (cleanups.length > 0) cleanups.pop()?.();
  });
}

/** A control socket with its events as promises. Idle, and unreferenced, unless it is waited for. */
export class Peer {
  readonly socket: ControlSocket;
  #onEvents: ((readable: boolean, writable: boolean) => void) | undefined;

  constructor(descriptor: Descriptor) {
    const { ControlSocket } = nativeBinding();
    this.socket = own(
      new ControlSocket(descriptor, (readable, writable) => {
        this.#onEvents?.(readable, writable);
      }),
    );
  }

  static pair(): [Peer, Peer] {
    const [first, second] = nativeBinding().socketPair('seqpacket');
    return [new Peer(first), new Peer(second)];
  }

  /** The first event of those asked for. */
  async event(readable: boolean, writable: boolean): Promise<{ readable: boolean; writable: boolean }> {
    const event = new Promise<{ readable: boolean; writable: boolean }>((resolve) => {
      this.#onEvents = (isReadable, isWritable) => {
        this.socket.watch(false, false);
        resolve({ readable: isReadable, writable: isWritable });
      };
    });
    this.socket.watch(readable, writable);
    return inTime(event, 'an event of the control socket');
  }

  /** Receives a packet that must be there; its descriptors are closed when the test ends. */
  packet(maxBytes = 65_536): { text: string; descriptors: Descriptor[]; truncated: [boolean, boolean] } {
    const received = this.socket.receive(maxBytes);
    if (received?.kind !== 'packet') throw new Error(`no packet but ${JSON.stringify(received)}`);
    ownAll(received.descriptors);
    return {
      text: Buffer.from(received.data).toString(),
      descriptors: received.descriptors,
      truncated: [received.dataTruncated, received.descriptorsTruncated],
    };
  }

  send(text: string, descriptors: readonly Descriptor[] = []): boolean {
    return this.socket.send(Buffer.from(text), descriptors);
  }
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A program of fixtures/, killed at the latest when the test ends. */
export class Child {
  readonly process: ChildProcess;
  readonly #exit: Promise<Exit>;
  readonly #stderr: Promise<string>;

  constructor(command: string, args: string[], stdio: StdioOptions = ['pipe', 'pipe', 'pipe']) {
    this.process = spawn(command, args, { stdio });
    cleanups.push(() => this.process.kill('SIGKILL'));
    this.#exit = once(this.process, 'close').then(([code, signal]) => ({ code, signal }));
    this.#stderr = this.process.stderr === null ? Promise.resolve('') : text(this.process.stderr);
  }

  static fixture(name: string, args: string[] = [], stdio?: StdioOptions): Child {
    return new Child(process.execPath, [fixturePath(name), ...args], stdio);
  }

  /** Everything it prints until its end, as JSON. An end other than by itself with code 0 is an error. */
  async result(): Promise<unknown> {
    const output = this.process.stdout === null ? Promise.resolve('') : text(this.process.stdout);
    const { code, signal } = await this.exit();
    if (code !== 0) throw new Error(`ended with ${code ?? signal}: ${await this.#stderr}`);
    return JSON.parse(await output);
  }

  /** The next piece of what it prints. */
  async line(): Promise<string> {
    if (this.process.stdout === null) throw new Error('stdout is not a pipe');
    const [data] = (await inTime(once(this.process.stdout, 'data'), 'a line of the child')) as [Buffer];
    return data.toString().trim();
  }

  async exit(): Promise<Exit> {
    return inTime(this.#exit, 'the end of the child', END_MILLISECONDS);
  }

  async stderr(): Promise<string> {
    return inTime(this.#stderr, 'stderr of the child');
  }
}

export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`./fixtures/${name}.mjs`, import.meta.url));
}

/** What `action` throws. */
export function errorOf(action: () => unknown): NodeJS.ErrnoException {
  try {
    action();
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
  throw new Error('nothing was thrown');
}
