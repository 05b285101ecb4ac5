/**
 * The program as the service sees it: a server that others accept for. Its warm-up hands the sockets to the process that
 * becomes the program, and waits until that is ready.
 */
import type { ServerConfiguration, ServerOptions } from '../configuration.js';
import type { Assignment, Link } from '../exec/link.js';
import type { ListenerRecord } from '../handover/protocol.js';
import { type ListenAddress, parseListenAddress } from '../listeners/address.js';
import type { WatchedProcess } from '../process/watched-process.js';
import type { Member } from '../service/member.js';
import type { Service } from '../service/service.js';
import { KeptGate, ProgramTracker } from './gate.js';
import { becomeReady } from './readiness.js';

/** Options want an address, and those that are offered are not known yet. Nobody binds it. */
const OFFERED = 'unix:@offered';

/** Where finding the predecessor took all the time: execve(2) needs some. */
const BEGIN_MILLISECONDS = 1_000;

/** Nobody serves there, and no address was given to begin with. */
export class NobodyThere extends Error {}

/** Whether the program has begun, and whether it is being waited for. */
export type Progress = 'before' | 'getting-ready' | 'ready';

export class KeptMember implements Member {
  readonly options: ServerOptions;
  http = false;
  readonly acceptor: KeptGate = new KeptGate();
  readonly tracker: ProgramTracker;
  readonly refusals = { address: 0, tls: 0 };
  progress: Progress = 'before';
  readonly #assignment: Assignment;
  readonly #program: WatchedProcess;
  readonly #link: Link;
  #service: Service | undefined;
  #configured: readonly ListenAddress[] = [];

  constructor(assignment: Assignment, program: WatchedProcess, link: Link, options: ServerOptions) {
    const { bind } = assignment;
    this.options = { ...options, bind: bind.length === 0 ? OFFERED : bind };
    this.tracker = new ProgramTracker(program, this.acceptor);
    this.#assignment = assignment;
    this.#program = program;
    this.#link = link;
  }

  attach(service: Service, { listeners }: ServerConfiguration): void {
    this.#service = service;
    this.#configured = listeners;
  }

  addresses(offered: readonly ListenerRecord[]): readonly ListenAddress[] {
    if (this.#assignment.bind.length > 0) return this.#configured;
    if (offered.length === 0) {
      throw new NobodyThere('Nobody serves there to take over from; say with --bind where to listen.');
    }
    return offered.map(({ requested, name = requested, backlog }) => ({
      ...parseListenAddress(requested),
      name,
      backlog,
    }));
  }

  warmUp(): () => Promise<void> {
    return () => this.#begin();
  }

  async #begin(): Promise<void> {
    // What has the sockets of one exchange cannot be given those of another.
    if (this.progress !== 'before') throw new Error('Another process was faster.');
    if (this.#link.over) throw new Error('The process ended before it became the program.');
    this.progress = 'getting-ready';
    const sockets = this.acceptor.listeners.flatMap((listener) => {
      const descriptor = listener.offer()?.descriptor;
      return descriptor === undefined ? [] : [{ name: listener.name, descriptor }];
    });
    const { readyAfter, check, timeout } = this.#assignment;
    // The clock began with this process, which had to find the predecessor first.
    const left = (): number => Math.max(1, Math.ceil(timeout - performance.now()));
    // It would write to a pipe that this process reads, and be ended by a signal when nobody does any more.
    const stderr = this.#service?.offeredStderr;
    if (stderr !== undefined) this.#link.send({ type: 'stderr' }, [stderr]);
    this.#link.sendSockets(sockets);
    try {
      // Its end.
      await this.#link.receive(Math.max(BEGIN_MILLISECONDS, left()));
    } catch (cause) {
      throw new Error('The process has the sockets, and did not become the program in time.', { cause });
    } finally {
      this.#link.close();
    }
    const isShared = this.#service?.lifecycle.is('taking-over') === true;
    const shared = isShared ? sockets.map(({ descriptor }) => descriptor) : [];
    await becomeReady(this.#program, { readyAfter, check, timeout: left() }, shared);
    this.progress = 'ready';
  }

  missingHandler(): undefined {
    return undefined;
  }

  misspeltHooks(): string[] {
    return [];
  }

  prepare(): void {}

  demands(): string[] {
    return [];
  }

  probe(): undefined {
    return undefined;
  }

  acceptProbe(): void {}

  async onDrain(): Promise<void> {}

  async onResume(): Promise<void> {}

  async onStop(): Promise<void> {}

  stateChanged(): void {}

  handoverFailed(): void {}

  handlerFailed(): void {}
}
