/**
 * What the service manager hears, and when. Only the owner speaks, and before that whoever starts cold: a successor that
 * fails is a matter of the process that started it. The one exception is the change of owner itself, which both announce:
 * with `NotifyAccess=main` only the old process is heard, and where that one has died only the new one can.
 */
import type { UninterruptibleError } from '../errors.js';
import type { State } from '../lifecycle.js';
import type { Supervisor } from '../process/environment.js';
import { type Assignments, ServiceManager } from '../process/service-manager.js';
import type { Service } from './service.js';

/** How often more time is asked for, and how much, in ms: one message may be late. */
const EXTENSION = { every: 5_000, by: 15_000 };
/** How long a process that leaves waits in ms until the manager has read who is the owner: it may be busy, or hang. */
const PATIENCE = 5_000;
/** What a stop takes beside the drain: farewells, hooks, the last lines of the log. */
const STOP_MARGIN = 10_000;

export class Notifier {
  readonly #service: Service;
  #manager: ServiceManager | undefined;
  #watchdogEvery: number | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #extension: NodeJS.Timeout | undefined;
  /** RELOADING=1 was said, and not yet READY=1. */
  #reloading = false;
  /** This process was the owner when it was told to stop: nobody speaks after it. */
  #stops = false;
  /** The last we said is who the owner is. */
  #handedOver = false;

  constructor(service: Service) {
    this.#service = service;
  }

  /** This process begins to start. */
  starting(): void {
    const { options, configuration } = this.#service;
    if (options.supervisor === undefined) return;
    this.#connect(options.supervisor);
    if (!this.#startsCold) return;
    this.#manager?.tell({ STATUS: 'starting' });
    this.#askForTime(configuration.readyTimeout);
  }

  /** This process never served. */
  startFailed(error: unknown): void {
    this.#beSilent();
    if (this.#startsCold) this.#manager?.tell({ STATUS: `could not start: ${messageOf(error)}` });
  }

  stateChanged(to: State, from: State): void {
    switch (to) {
      case 'serving':
        if (from !== 'handing-over') this.#owns(from);
        break;
      case 'handing-over':
        // Somebody came by itself; of a restart we have told already.
        if (!this.#reloading) this.reloading();
        break;
      case 'draining':
        this.#beSilent();
        break;
      case 'stopped':
        this.#beSilent();
        if (this.#stops) this.#stopped();
        break;
      case 'stopping':
        if (from === 'serving') this.#stopping();
        break;
      default:
    }
  }

  /** A restart begins, or one more order has joined it: whoever gave it waits for this, with a time after its order. */
  reloading(): void {
    this.#reloading = true;
    // CLOCK_MONOTONIC is what libuv reads, and what the manager compares with.
    this.#manager?.tell({ RELOADING: 1, MONOTONIC_USEC: String(process.hrtime.bigint() / 1000n) });
    this.#askForTime(this.#service.configuration.readyTimeout);
  }

  step(step: string): void {
    if (this.#reloading) this.#manager?.report({ STATUS: `restarting: ${step}` });
    else if (this.#startsCold) this.#manager?.report({ STATUS: `starting: ${step}` });
  }

  /** The restart or take-over failed, and this process serves on. */
  reloadFailed({ message }: UninterruptibleError): void {
    this.#reloaded({
      MAINPID: this.#service.pid,
      READY: 1,
      STATUS: `serving on, the hand-over failed: ${message}`,
    });
  }

  /** The process of this pid is the owner now. In one datagram: after the first word of it we would not be heard any more. */
  handedOver(pid: number): void {
    this.#handedOver = true;
    this.#reloaded(pid > 0 ? { MAINPID: pid, READY: 1 } : { READY: 1 });
    this.#beSilent();
  }

  /**
   * An earlier generation knows who is the owner, and tells. If it was slow, and we are not the one it knew, the manager
   * may have heard that after us: it would follow a process that drains, and stop the service with it.
   */
  heardOfEarlier(): void {
    // Amid a hand-over the next one may have spoken already; it hears of us in its turn.
    if (this.#service.lifecycle.is('serving')) this.#manager?.tell({ MAINPID: this.#service.pid });
  }

  /** A main process that left before the manager had read who follows it would take the service along. */
  async successorTold(): Promise<void> {
    if (this.#handedOver) await this.#manager?.told(PATIENCE);
  }

  #owns(from: State): void {
    this.#handedOver = false;
    const { generation } = this.#service;
    const isBack = from !== 'starting' && from !== 'taking-over';
    const how = isBack ? 'serving again' : 'serving';
    this.#reloaded({ MAINPID: this.#service.pid, READY: 1, STATUS: `${how}, generation ${generation}` });
    if (this.#watchdogEvery === undefined) return;
    const alive = (): void => this.#manager?.report({ WATCHDOG: 1 });
    alive();
    // On the loop that serves, so that it ends with it; stopping what is stuck is the manager's part.
    this.#watchdog = setInterval(alive, this.#watchdogEvery).unref();
  }

  #stopping(): void {
    this.#stops = true;
    this.#reloading = false;
    clearInterval(this.#extension);
    const { drainTimeout, shutdownDelay } = this.#service.configuration;
    this.#manager?.tell({ STOPPING: 1, STATUS: 'stopping' });
    // Without a limit of its own a drain gets the manager's, and not all the time there is.
    if (drainTimeout !== null) this.#askForTime(shutdownDelay + drainTimeout + STOP_MARGIN);
  }

  /** `supervise` cannot wait for a process whose parent, the one before, still drains. Others take no notice. */
  #stopped(): void {
    if (this.#service.options.mode === 'run') this.#manager?.tell({ EXIT_STATUS: 0 });
  }

  #reloaded(assignments: Assignments): void {
    this.#reloading = false;
    clearInterval(this.#extension);
    this.#manager?.tell(assignments);
  }

  #askForTime(milliseconds: number): void {
    clearInterval(this.#extension);
    if (this.#manager === undefined) return;
    const until = performance.now() + milliseconds;
    const ask = (): void => {
      if (performance.now() < until) this.#manager?.report({ EXTEND_TIMEOUT_USEC: EXTENSION.by * 1000 });
      else clearInterval(this.#extension);
    };
    ask();
    this.#extension = setInterval(ask, EXTENSION.every).unref();
  }

  #beSilent(): void {
    clearInterval(this.#extension);
    clearInterval(this.#watchdog);
  }

  get #startsCold(): boolean {
    const { lifecycle, options } = this.#service;
    return options.inherited === undefined && lifecycle.is('starting', 'taking-over');
  }

  #connect({ socket, watchdog }: Supervisor): void {
    const { binding, log } = this.#service;
    if (binding === undefined) {
      log.warn('the service manager cannot be told of this process without the addon', { socket });
      return;
    }
    this.#manager = new ServiceManager(binding, socket, (err) => {
      log.warn('the service manager could not be told', { socket, err });
    });
    // Twice as often as it wants, as sd_watchdog_enabled(3) recommends.
    if (watchdog !== undefined) this.#watchdogEvery = Math.min(watchdog / 2_000, 2 ** 31 - 1);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
