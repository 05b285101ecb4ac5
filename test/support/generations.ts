/**
 * Real generations of a server for integration tests: starts the fixture, follows every process through the one stdout
 * they all inherit, and leaves none behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { loadBinding } from '../../src/binding.js';
import { Channel } from '../../src/handover/channel.js';
import type { Message } from '../../src/handover/protocol.js';
import { MarkedProcesses } from './marked-processes.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/server.mjs', import.meta.url));
export const DEADLINE = 15_000;
/** For one answer: a restart may be part of it. */
const PATIENCE = 2 * DEADLINE;

/** What the fixture does; each generation reads it anew. */
export interface Version {
  /** Options of each server; one on 127.0.0.1, port 0, unless given. */
  servers?: Record<string, unknown>[];
  /** What goes wrong before `run`. */
  startup?: 'throw' | 'exit-0' | 'exit-3' | 'hang' | 'wait' | 'other-version';
  warmUp?: 'reject' | 'hang' | number;
  probe?: 'ok' | 'fail';
  /** Once, at `sent:offer`, `received:yours`, `lock:owner:true`, `step:ready`, `accepted:100`, …: see the fixture. */
  fault?: {
    at: string;
    action: 'kill' | 'stop' | 'break' | 'pause';
    /** How long it pauses. */
    milliseconds?: number;
    /** A file that is there when it has happened. */
    noted?: string;
  };
  /** A file each request's first word is appended to when it is read. */
  accepted?: string;
  /** A file that says of each connection, by its remote port, when it was `opened` (accepted) and `closed`, and by whom. */
  peers?: string;
  /** Milliseconds each answer takes. */
  delay?: number;
  /** Handlers do not end their connections when the process drains. */
  stay?: boolean;
  /** A file each change of state and of byte 0 is appended to, with the time. */
  trace?: string;
  /** Added to each answer: tells versions apart. */
  word?: string;
}

/** One log line of any generation. */
export interface Line {
  pid: number;
  generation: number;
  level: number;
  msg: string;
  err?: { code?: string; message: string; details?: Record<string, unknown>; cause?: unknown };
  [fact: string]: unknown;
}

export interface StartOptions {
  environment?: Record<string, string>;
  /** Arguments before the fixture's path. */
  execArgv?: string[];
  /** A command instead of the fixture, e.g. through a shell. */
  command?: [string, ...string[]];
  cwd?: string;
}

export class Generations {
  /** A private directory, removed at the end. */
  readonly directory: string = mkdtempSync(join(tmpdir(), 'generations-'));
  readonly controlPath: string = join(this.directory, 'control');
  readonly lines: Line[] = [];
  stderr = '';
  /** Lines of stdout that are no log lines. */
  readonly stray: string[] = [];
  readonly #marked = new MarkedProcesses();
  readonly #waiters = new Set<() => void>();
  readonly #processes: ChildProcess[] = [];

  get optionsPath(): string {
    return join(this.directory, 'options.json');
  }

  /** Starts the first generation and waits until it serves. */
  static async start(version: Version = {}, options: StartOptions = {}): Promise<Generations> {
    const generations = new Generations();
    try {
      generations.deploy(version);
      generations.launch(options);
      await generations.line('serving');
      return generations;
    } catch (error) {
      // Nobody else has it, to end it.
      await generations.end();
      throw error;
    }
  }

  /** What the next generation will be. */
  deploy(version: Version): void {
    const defaults = [{ bind: 'tcp://127.0.0.1:0', controlPath: this.controlPath }];
    writeFileSync(this.optionsPath, JSON.stringify({ servers: defaults, ...version }));
  }

  /** Launches a process of the current version, independently of those that run. */
  launch({ environment = {}, execArgv = [], command, cwd }: StartOptions = {}): ChildProcess {
    const [file, ...args] = command ?? [process.execPath, ...execArgv, FIXTURE, this.optionsPath];
    const child = spawn(file, args, {
      env: { ...process.env, ...environment, ...this.#marked.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.#processes.push(child);
    createInterface({ input: child.stdout }).on('line', (line) => this.#take(line));
    child.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    child.once('exit', () => this.#wake());
    return child;
  }

  /** The pid of whoever said last that it serves. */
  get owner(): number {
    const said = this.lines.findLast(({ msg }) => msg === 'serving' || msg === 'rolled back');
    if (said === undefined) throw new Error(`nobody serves yet; stderr: ${this.stderr}`);
    return said.pid;
  }

  /** The port of the n-th listener. */
  port(at = 0): number {
    const serving = this.lines.findLast(({ msg }) => msg === 'serving');
    return Number(/:(\d+)$/.exec((serving?.['listeners'] as string[])[at] ?? '')?.[1]);
  }

  /** The first line, from `since` on, that says this and fits. Rejects with all lines after the deadline. */
  async line(msg: string, fits: (line: Line) => boolean = () => true, since = 0): Promise<Line> {
    let found: Line | undefined;
    await this.until(() => {
      found = this.lines.slice(since).find((line) => line.msg === msg && fits(line));
      return found !== undefined;
    }, `a line "${msg}"`);
    if (found === undefined) throw new Error('unreachable');
    return found;
  }

  /** Waits until something is true; asked again at each line and each exit, and every 20 ms for what has no event. */
  async until(holds: () => boolean, what: string, deadline = DEADLINE): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const check = (): void => {
        if (holds()) settle(resolve);
      };
      const settle = (end: () => void): void => {
        clearTimeout(timer);
        clearInterval(poll);
        this.#waiters.delete(check);
        end();
      };
      const timer = setTimeout(() => {
        settle(() => reject(new Error(`waited ${deadline} ms for ${what}\n${this.report()}`)));
      }, deadline);
      const poll = setInterval(check, 20);
      this.#waiters.add(check);
    });
  }

  /** Restarts by signal and waits until the next generation serves, and the old one accepts no more. Returns its pid. */
  async restart(): Promise<number> {
    const since = this.lines.length;
    const old = this.owner;
    process.kill(old, 'SIGUSR1');
    const { pid: successor } = await this.line('serving', ({ pid }) => pid !== old, since);
    // For a moment both accept, and either may answer.
    const handedOver = ({ msg, pid }: Line): boolean => msg === 'handed over' && pid === old;
    await this.until(
      () => this.lines.slice(since).some(handedOver) || !this.alive().includes(old),
      'the old one to accept no more',
    );
    // It may be dead by now, and another one the owner.
    return successor;
  }

  /** Sends one order and returns its last answer; a status in several packets as one. */
  async order(message: Message, deadline = DEADLINE, path: string = this.controlPath): Promise<Message> {
    const loaded = loadBinding();
    if (!('binding' in loaded)) throw new Error(loaded.unavailable);
    const channel = Channel.connect(loaded.binding, path);
    try {
      channel.send(message);
      const listeners: unknown[] = [];
      let first: Record<string, unknown> | undefined;
      for (;;) {
        const { message: answer } = await channel.receive(deadline);
        if (answer.type === 'progress') continue;
        if (!('status' in answer)) return answer;
        first ??= answer.status;
        listeners.push(...(answer.status['listeners'] as unknown[]));
        if (!answer.more) return { type: 'status', status: { ...first, listeners } };
      }
    } finally {
      channel.close();
    }
  }

  /** One request over a connection of its own; resolves with the answer. */
  async request(
    line: string,
    target: { port?: number; path?: string } = { port: this.port() },
  ): Promise<string> {
    const { connect } = await import('node:net');
    const socket = target.path === undefined ? connect(target.port ?? 0, '127.0.0.1') : connect(target.path);
    let answer = '';
    // A test that waits for ever is cut off before it can clean up.
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error(`no answer to "${line}"\n${this.report()}`)));
    socket.setEncoding('utf8');
    socket.end(`${line}\n`);
    for await (const chunk of socket) answer += String(chunk);
    return answer.trim();
  }

  /** The value of an expression (with `require`) in the process that answers, which is the owner. */
  async evaluate<T>(code: string): Promise<T> {
    return JSON.parse(await this.request(`eval ${code.replaceAll('\n', ' ')}`)) as T;
  }

  /** Pids of everything that this object started, directly or through the generations. */
  alive(): number[] {
    return this.#marked.alive();
  }

  async gone(pid: number, deadline = DEADLINE): Promise<void> {
    await this.until(() => !this.alive().includes(pid), `process ${pid} to leave`, deadline);
  }

  report(): string {
    return [...this.lines.slice(-60).map((line) => JSON.stringify(line)), `stderr: ${this.stderr}`].join(
      '\n',
    );
  }

  /** Goes away as the reader of everybody's stdout and stderr: no more lines come. */
  closeOutput(): void {
    for (const child of this.#processes) {
      child.stdout?.destroy();
      child.stderr?.destroy();
    }
  }

  /** Kills whatever is left and removes the directory. */
  async end(): Promise<void> {
    await this.#marked.end();
    this.closeOutput();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #take(text: string): void {
    try {
      this.lines.push(JSON.parse(text) as Line);
    } catch {
      this.stray.push(text);
    }
    this.#wake();
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
  }
}
