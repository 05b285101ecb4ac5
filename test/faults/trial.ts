/** One trial: a service under load, one hand-over in which something goes wrong, and one in which nothing does. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EchoGenerations } from '../support/echo.js';
import { freePort } from '../support/free-port.js';
import { decided, LIMIT } from './decision.js';
import { nameOfPlan, type Plan } from './fault.js';
import { type Event, Interposer, type Point } from './interposer.js';
import { Judge } from './judge.js';
import { listeningSocket } from './listening-socket.js';
import { Load } from './load.js';
import { type Explained, explain } from './losses.js';
import type { Baseline } from './open-descriptors.js';

const SERVER = fileURLToPath(new URL('server.mjs', import.meta.url));
/** A descriptor that was forgotten is closed when its object is collected: that shall not hide it. */
const WITHOUT_COLLECTION = ['--min-semi-space-size=128', '--max-semi-space-size=128'];
/** Nobody was answered for longer than this: an outage. */
const OUTAGE = 3_000;
/** What the last clients may wait. */
const PATIENCE = 5_000;
/** In which a process that has drained can serve again. */
const ROLLBACK_WINDOW = 30_000;
/** While a process is stopped fewer come: many trials wait at once. */
const SLOWER = 8;
const READY_TIMEOUT = 4_000;

export interface Outcome {
  name: string;
  /** What came by in each process, in order. */
  points: Point[];
  /** Of each fault, whether its point was reached. */
  hit: boolean[];
  made: number;
  lost: Explained[];
  /** Nobody could serve: the only process was killed. */
  down: boolean;
  /** In milliseconds. */
  longestGap: number;
  milliseconds: number;
  /** Everything that is not as it should be. */
  problems: string[];
  /** Descriptors that were left open. */
  leaked: number;
  outages: number;
  /** To compare with; of a trial without a fault. */
  baseline: Baseline;
  /** What all processes said, if there were problems. */
  log: string;
}

export interface TrialOptions {
  library: string;
  rate: number;
  /** What a trial without a fault leaves open. */
  baseline: Baseline | undefined;
}

export async function tryPlan(plan: Plan, options: TrialOptions): Promise<Outcome> {
  const trial = new Trial(plan, options);
  try {
    return await trial.run();
  } finally {
    await trial.end();
  }
}

class Trial {
  readonly #plan: Plan;
  readonly #options: TrialOptions;
  readonly #generations = new EchoGenerations();
  readonly #interposer: Interposer;
  readonly #judge: Judge;
  #load: Load | undefined;
  #port = 0;

  constructor(plan: Plan, options: TrialOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#interposer = new Interposer(options.library, this.#generations.directory);
    this.#judge = new Judge(this.#generations, options.baseline);
  }

  async run(): Promise<Outcome> {
    const startedAt = performance.now();
    const { rate } = this.#options;
    const generations = this.#generations;
    this.#port = await freePort();
    const peers = join(generations.directory, 'peers');
    generations.deploy({
      servers: [
        {
          bind: `tcp://127.0.0.1:${this.#port}`,
          controlPath: generations.controlPath,
          pidfilePath: join(generations.directory, 'pid'),
          rollbackWindow: ROLLBACK_WINDOW,
          readyTimeout: READY_TIMEOUT,
          startCommand: this.#command,
        },
      ],
      peers,
    });
    this.#launch();
    await generations.line('serving');
    if (this.#plan.start === 'rollback') await generations.restart();
    const first = generations.owner;
    this.#judge.remember(first);
    this.#load = new Load(this.#port, rate);
    await generations.until(() => this.#load!.answered > 5, 'clients to be answered');

    const socketBefore = listeningSocket(this.#port);
    const holders = this.#interposer.events.map(({ pid }) => pid); // whoever was born by now
    this.#interposer.arm(this.#plan.faults);
    const begun = this.#begin(first);
    const owner = await decided({
      generations,
      interposer: this.#interposer,
      faults: this.#plan.faults,
      begun,
      onLook: (isStopped) => this.#load?.changeRate(isStopped ? rate / SLOWER : rate),
    });
    this.#interposer.disarm();
    const faults = this.#interposer.events;
    const socketAfter = listeningSocket(this.#port);
    const down = owner === null;
    if (owner === undefined) this.#judge.blame(`nobody had the service within ${LIMIT} ms`);
    if (down) {
      this.#judge.expectDeadByFault(faults);
      const { pid: cold } = this.#launch();
      await generations
        .line('serving', ({ pid }) => pid === cold)
        .catch(() => this.#judge.blame('a cold start afterwards did not serve'));
    }
    await this.#load.stop(PATIENCE);
    await this.#judge.expectOwner(owner ?? undefined);
    this.#load.start();
    await this.#judge.expectFurtherRestart();
    await this.#load.stop(PATIENCE);
    await this.#judge.expectNothingLeft();

    const lost = explain(this.#load.losses, {
      events: this.#interposer.events,
      peers: readFileSync(peers, 'utf8'),
      listenerLost: down || socketAfter !== socketBefore,
      holders,
    });
    const unexplained = lost.filter(({ because }) => because === undefined);
    for (const { why, port } of unexplained.slice(0, 5)) this.#judge.blame(`lost: ${why} (port ${port})`);
    const isExcused =
      down || socketAfter !== socketBefore || this.#plan.faults.some(({ action }) => action === 'stop');
    const isOutage = !isExcused && this.#load.longestGap > OUTAGE;
    if (isOutage) this.#judge.blame(`no answer for ${this.#load.longestGap} ms`);
    const { problems, descriptors } = this.#judge;
    return {
      name: nameOfPlan(this.#plan),
      points: pointsOf(faults),
      hit: this.#plan.faults.map(({ side, call, number }) =>
        faults.some(
          ({ what, words }) =>
            what === 'hit' && words[0] === side && words[1] === call && Number(words[2]) === number,
        ),
      ),
      made: this.#load.made,
      lost,
      down,
      longestGap: this.#load.longestGap,
      milliseconds: Math.round(performance.now() - startedAt),
      problems,
      leaked: descriptors.leaked,
      outages: isOutage ? 1 : 0,
      baseline: descriptors.found,
      log: problems.length === 0 ? '' : `${generations.report()}\n${showEvents(this.#interposer.events)}`,
    };
  }

  async end(): Promise<void> {
    this.#load?.abandon();
    await this.#generations.end();
  }

  #launch(): ChildProcess {
    return this.#generations.launch({
      command: this.#command,
      environment: this.#interposer.environment,
    });
  }

  get #command(): [string, ...string[]] {
    return [process.execPath, ...WITHOUT_COLLECTION, SERVER, this.#generations.optionsPath];
  }

  /** Begins the hand-over. Returns what says whether it has begun. */
  #begin(owner: number): () => boolean {
    const generations = this.#generations;
    switch (this.#plan.start) {
      case 'restart':
        process.kill(owner, 'SIGUSR1');
        return () => true;
      case 'launch': {
        const { pid } = this.#launch();
        return () => this.#interposer.events.some((event) => event.what === 'born' && event.pid === pid);
      }
      case 'rollback': {
        let answered = false;
        void generations
          .order({ type: 'rollback' })
          .catch(() => undefined)
          .finally(() => {
            answered = true;
          });
        return () => answered;
      }
    }
  }
}

function pointsOf(events: readonly Event[]): Point[] {
  return events
    .filter(({ what }) => what === 'at')
    .map(({ words: [side, call, number] }) => ({
      side: side as Point['side'],
      call: call!,
      number: Number(number),
    }));
}

function showEvents(events: readonly Event[]): string {
  return events.map(({ at, pid, what, words }) => [at, pid, what, ...words].join(' ')).join('\n');
}
