/**
 * One fault of a hand-over, tried on a service under load: what everybody is told, who serves afterwards, what control
 * path and pid file lead to, and that nothing is lost but what a process that died had accepted.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { StatusAnswer } from '../../src/handover/protocol.js';
import { freePort } from './free-port.js';
import { DEADLINE, Generations, type StartOptions, type Version } from './generations.js';
import { ownersOf } from './one-owner.js';
import { descriptorsOf, stateOf } from './processes.js';
import { SteadyRequests } from './steady-requests.js';

/** A queue nobody serves shows in clients that wait for ever; a process that was stopped serves late. */
const PATIENCE = 5_000;
/** What a service leaves in its directory beside the files of the test. */
const OF_SERVICE = ['control', 'control.lock', 'pid'];
const OF_TEST = /^(options\.json(\.fault)?|peers|trace|.*\.mjs)$/;

export interface Held {
  ask: (line: string) => Promise<string>;
  /** Resolves when the server has closed it, or died. */
  closed: Promise<unknown>;
  end: () => void;
}

export class Trial {
  readonly generations: Generations = new Generations();
  readonly pidfilePath: string = join(this.generations.directory, 'pid');
  port = 0;
  /** The first generation. */
  first = 0;
  #clients: SteadyRequests | undefined;
  readonly #held = new Set<Socket>();

  /** Starts the first generation and the load on it. */
  async begin(version: Version, options?: StartOptions): Promise<void> {
    this.port = await freePort();
    this.deploy(version);
    this.generations.launch(options);
    this.first = (await this.generations.line('serving')).pid;
    this.#clients = new SteadyRequests(this.port);
  }

  /** What the next generation will be: on the same port, with a pid file, unless told otherwise. */
  deploy({ servers = [{}], fault, ...version }: Version): void {
    const common = {
      bind: `tcp://127.0.0.1:${this.port}`,
      controlPath: this.generations.controlPath,
      pidfilePath: this.pidfilePath,
    };
    this.generations.deploy({
      peers: this.peers,
      ...(fault && { fault: { ...fault, noted: this.faulted } }),
      ...version,
      servers: servers.map((own) => ({ ...common, ...own })),
    });
  }

  /** Where each process notes whom it accepts. */
  get peers(): string {
    return join(this.generations.directory, 'peers');
  }

  /** A connection that stays and, the fixture being told so by its lines, keeps whoever accepted it draining. */
  async hold(): Promise<Held> {
    const socket = connect(this.port, '127.0.0.1');
    this.#held.add(socket);
    socket.on('timeout', () => socket.destroy(new Error('no answer')));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
    const ask = async (line: string): Promise<string> => {
      socket.setTimeout(DEADLINE);
      socket.write(`${line}\n`);
      const answer = await lines.next();
      socket.setTimeout(0);
      return String(answer.value);
    };
    await ask('keep');
    return { ask, closed, end: () => socket.end() };
  }

  /**
   * Ends the owner by its own hand: a kill from outside may come between the kernel's accept and the note of it, and
   * then nobody can say whose loss a connection was.
   */
  async die(): Promise<void> {
    await this.generations.request('die').catch(() => undefined);
  }

  /** Is there when the fault of a version has happened. */
  get faulted(): string {
    return `${this.generations.optionsPath}.fault`;
  }

  /** Where each process notes what state it is in and when it has byte 0, if its version says so. */
  get trace(): string {
    return join(this.generations.directory, 'trace');
  }

  /** Asks whoever the control path leads to. Nobody may be there for a moment after a death. */
  async status(): Promise<Record<string, unknown>> {
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await this.generations.order({ type: 'status' });
        // `moved`: the path led to the owner before when it was looked up.
        if (answer.type !== 'status') throw new Error(`the answer is ${answer.type}`);
        return (answer as StatusAnswer).status;
      } catch (error) {
        if (attempt === 100) throw error;
        await delay(20);
      }
    }
  }

  /** Waits until the process has been stopped (SIGSTOP) for so long: past a wait it is in, or the other one. */
  async stopped(pid: number, milliseconds: number): Promise<void> {
    await this.generations.until(() => stateOf(pid) === 'T', `process ${pid} to be stopped`);
    await delay(milliseconds);
  }

  /** Waits until the owner's status is as it should be. */
  async until(holds: (status: Record<string, unknown>) => boolean): Promise<void> {
    const deadline = performance.now() + DEADLINE;
    for (;;) {
      const status = await this.status();
      if (holds(status)) return;
      if (performance.now() > deadline) throw new Error(`the status stays ${JSON.stringify(status)}`);
    }
  }

  /**
   * Exactly this process owns the service: the path, the pid file and the port lead to it. `others` live and own nothing;
   * `prepared` is what one of them has made ready beside.
   */
  async expectOwner(
    pid: number,
    generation: number,
    others: readonly number[] = [],
    prepared: readonly string[] = [],
  ): Promise<void> {
    const { generations } = this;
    await generations.until(
      () => sameMembers(generations.alive(), [pid, ...others]),
      `only ${pid} to be left`,
    );
    expect(await this.status()).toMatchObject({ pid, generation, state: 'serving' });
    expect(readFileSync(this.pidfilePath, 'utf8')).toBe(`${pid}\n`);
    // The owner before may answer too until it has heard `owner`.
    const deadline = performance.now() + DEADLINE;
    let answer: string;
    do answer = await generations.request('who');
    while (answer !== `who ${pid}` && performance.now() < deadline);
    expect(answer).toBe(`who ${pid}`);
    expect(ownersOf(`${generations.controlPath}.lock`)).toBe(1);
    const files = readdirSync(generations.directory).filter((name) => !OF_TEST.test(name));
    expect(files.sort()).toEqual([...OF_SERVICE, ...prepared].sort());
  }

  /** What was lost so far had nowhere to go: the only process with a listener died before it could pass it on. */
  pardon(): void {
    this.#clients?.pardon();
  }

  /** The process that says it serves, from this line of the log on, and is not the first. */
  async successor(since = 0): Promise<number> {
    return (await this.generations.line('serving', ({ pid }) => pid !== this.first, since)).pid;
  }

  /** Whether a process has the listening socket, accepting from it or not. */
  holdsListener(pid: number): boolean {
    const listening = readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .find(([, local, , state]) => local?.endsWith(`:${hex(this.port)}`) && state === '0A');
    const socket = `socket:[${listening?.[9]}]`;
    return descriptorsOf(pid).includes(socket);
  }

  /** Ends the requests; lost is at most what a process that died had accepted. */
  async expectNothingLost(dead: readonly number[] = []): Promise<void> {
    const clients = this.#clients!;
    // A quick trial ends before the first of them has come.
    await this.generations.until(() => clients.answered > 0, 'a client to be answered');
    await clients.end(PATIENCE);
    const accepted = new Set(
      readFileSync(this.peers, 'utf8')
        .split('\n')
        .map((line) => line.split(' '))
        .filter(([pid]) => dead.includes(Number(pid)))
        .map(([, , port]) => Number(port)),
    );
    expect(clients.lost.filter(({ port }) => !accepted.has(port))).toEqual([]);
  }

  async end(): Promise<void> {
    this.#clients?.abandon();
    for (const socket of this.#held) socket.destroy();
    await this.generations.end();
  }
}

/** Starts a service, tries, and leaves nothing behind. */
export async function trial(
  version: Version,
  body: (trial: Trial) => Promise<void>,
  options?: StartOptions,
): Promise<void> {
  const attempt = new Trial();
  try {
    await attempt.begin(version, options);
    await body(attempt);
  } finally {
    await attempt.end();
  }
}

function hex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}

function sameMembers(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((pid) => others.includes(pid));
}
