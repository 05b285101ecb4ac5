/** The service that is soaked, under the `supervise` that lives through all its generations. */
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Pair } from '../support/certificates.js';
import { Generations, type Line } from '../support/generations.js';
import { exitOf } from '../support/processes.js';
import { superviseCommand } from '../support/supervised.js';
import type { Plant } from './options.js';
import type { Look } from './sample.js';

const SERVICE = fileURLToPath(new URL('service.mjs', import.meta.url));
const WATCH = new URL('watch-supervisor.mjs', import.meta.url).href;
/** When a generation tells of itself, in ms since it serves: the clients have come by then. */
const LOOK_AFTER = 250;
/** How often it is looked whether one that drains has exited. */
const POLL = 25;

/** Long enough for what clients do that end by themselves; what is still open then is cut. */
export const DRAIN_TIMEOUT = 3_000;
/** An exit takes a moment more, on a busy machine a long one. */
export const OVERSTAY = 2_000;

export interface Restarted {
  pid: number;
  orderedAt: number;
  serving: number;
  /** How many lines there were before. */
  since: number;
  /** Resolves when the one before has exited. */
  left: Promise<number>;
}

export interface ServiceOptions {
  plants: readonly Plant[];
  /** For its TLS listener; without it there is none. */
  pair: Pair | undefined;
}

export class Service {
  readonly generations: Generations = new Generations();
  readonly #supervisor: ChildProcess;
  readonly #leaving = new Map<number, () => void>();
  readonly #timer: NodeJS.Timeout;

  private constructor({ plants, pair }: ServiceOptions) {
    const { optionsPath, controlPath, directory } = this.generations;
    const temporary = join(directory, 'tmp');
    mkdirSync(temporary);
    const tls = pair && { tlsKey: pair.key, tlsCertificate: pair.certificate };
    const common = { controlPath, pidfilePath: join(directory, 'pid'), drainTimeout: DRAIN_TIMEOUT };
    writeFileSync(optionsPath, JSON.stringify({ common, tls, lookAfter: LOOK_AFTER, plants }));
    const [node, ...supervise] = superviseCommand(process.execPath, '--expose-gc', SERVICE, optionsPath);
    this.#supervisor = this.generations.launch({
      command: [node, '--expose-gc', '--import', WATCH, ...supervise],
      environment: { TMPDIR: temporary, XDG_RUNTIME_DIR: '', RUNTIME_DIRECTORY: '' },
    });
    this.#timer = setInterval(() => this.#lookWhoHasLeft(), POLL);
  }

  static async start(options: ServiceOptions): Promise<Service> {
    const service = new Service(options);
    try {
      await service.generations.line('serving');
      return service;
    } catch (error) {
      await service.end();
      throw error;
    }
  }

  get supervisor(): number {
    return this.#supervisor.pid ?? 0;
  }

  get isOver(): boolean {
    return this.#supervisor.exitCode !== null || this.#supervisor.signalCode !== null;
  }

  /** Orders a restart as an operator does, and resolves when the new process serves. */
  async restart(): Promise<Restarted> {
    const { generations } = this;
    const since = generations.lines.length;
    const old = generations.owner;
    const orderedAt = performance.now();
    process.kill(this.supervisor, 'SIGUSR1');
    let said: Line | undefined;
    const isDecisive = ({ msg, pid }: Line): boolean =>
      (msg === 'serving' && pid !== old) || msg === 'hand-over failed, serving on' || msg === 'rolled back';
    await generations.until(() => {
      said = generations.lines.slice(since).find(isDecisive);
      return said !== undefined || this.isOver;
    }, 'the next generation');
    if (said?.msg !== 'serving') {
      throw new Error(`the restart failed: ${JSON.stringify(said ?? 'the service is over')}`);
    }
    const serving = performance.now() - orderedAt;
    const left = new Promise<void>((resolve) => this.#leaving.set(old, resolve));
    return {
      pid: said.pid,
      orderedAt: performance.timeOrigin + orderedAt,
      serving,
      since,
      left: left.then(() => performance.now() - orderedAt),
    };
  }

  /** What the process told of itself. */
  async look({ pid, since }: Restarted): Promise<Look> {
    return (await this.generations.line('looked', (line) => line.pid === pid, since)) as Look;
  }

  /** What the supervisor told last. */
  get supervisorLook(): Look | undefined {
    return this.generations.lines.findLast(({ msg }) => msg === 'supervisor looked') as Look | undefined;
  }

  /** Pids of those that have given the service away and not left. */
  get leaving(): number[] {
    return [...this.#leaving.keys()];
  }

  /** Since when a process drains, in ms since the epoch. */
  drainingSince(pid: number): number | undefined {
    const { lines } = this.generations;
    // Pids come round again, and later lines are about what has changed.
    const own = lines.slice(lines.findLastIndex((line) => line.pid === pid && line.msg === 'serving'));
    const begun = own.find((line) => line.pid === pid && line.msg === 'draining');
    return begun && Date.parse(String(begun['time']));
  }

  /** Ends it as a service manager does; resolves with how it ended. */
  async stop(): Promise<string> {
    process.kill(this.supervisor, 'SIGTERM');
    const { generations } = this;
    await generations.until(() => this.isOver && generations.alive().length === 0, 'the service to end');
    const { code, signal } = await exitOf(this.#supervisor);
    return signal ?? `exit code ${code}`;
  }

  /** Kills what is left, and removes the directory. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.generations.end();
  }

  #lookWhoHasLeft(): void {
    for (const [pid, tell] of this.#leaving) {
      if (existsSync(`/proc/${pid}`)) continue;
      this.#leaving.delete(pid);
      tell();
    }
  }
}
