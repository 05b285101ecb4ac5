/** The clients of a soak, a mix of everything a server meets, and what became of them. */
import type { Pair } from '../support/certificates.js';
import { type LoadHandle, type LoadOptions, type LoadResult, startLoad } from '../support/load/index.js';
import { type Drains, IdleClient } from './idle-client.js';
import { Losses } from './losses.js';
import { SlowClient } from './slow-client.js';

/** How many connections there are of each kind; `rate` is how many come and go each second beside them. */
export interface Mix {
  echo: number;
  http: number;
  tls: number;
  idle: number;
  slow: number;
  rate: number;
}

export interface Ports {
  echo: number;
  http: number;
  tls: number | undefined;
}

/** What was done without a loss. */
export interface Traffic {
  short: number;
  /** Lines that came back, and requests answered. */
  echoed: number;
  requests: number;
  echoedSecurely: number;
  /** Connections of those that stay, one after another. */
  opened: number;
  slow: number;
  idle: number;
  cutAtDeadline: number;
}

/** Milliseconds between two questions on one connection, and how long one that is not HTTP's stays. */
const INTERVAL = 500;
const HOLD = 1_000;
const PROGRESS = 1_000;
const PATIENCE = 15_000;
/** What the generator counts of those that stay, and is a loss. */
const CUTS = ['cutIdle', 'cutInRequest', 'unanswered', 'wrongAnswers', 'failedToOpen', 'notClosed'] as const;

export function mixOf(connections: number, hasTls: boolean): Mix {
  const share = (part: number): number => Math.max(1, Math.round(connections * part));
  const [http, idle, slow] = [share(0.2), share(0.2), share(0.1)];
  const tls = hasTls ? share(0.1) : 0;
  const echo = Math.max(1, connections - http - idle - slow - tls);
  return { echo, http, tls, idle, slow, rate: share(0.2) };
}

export interface MixedLoadOptions {
  ports: Ports;
  mix: Mix;
  pair: Pair | undefined;
  drains: Drains;
  random: () => number;
}

export class MixedLoad {
  readonly losses: Losses = new Losses();
  readonly #handles: { kind: string; handle: LoadHandle }[] = [];
  readonly #slow: SlowClient[];
  readonly #idle: IdleClient[];

  private constructor({ ports, mix, drains, random }: MixedLoadOptions) {
    const { losses } = this;
    this.#slow = times(mix.slow, () => new SlowClient(ports.echo, losses, random));
    this.#idle = times(mix.idle, () => new IdleClient(ports.echo, losses, drains, random));
  }

  /** Resolves when those that stay are there. */
  static async start(options: MixedLoadOptions): Promise<MixedLoad> {
    const load = new MixedLoad(options);
    try {
      await load.#begin(options);
      return load;
    } catch (error) {
      await load.kill();
      throw error;
    }
  }

  /** So far, as the newest reports say. */
  get lost(): number {
    return this.#handles.reduce((sum, { handle: { progress } }) => {
      const { longLived } = progress ?? {};
      const cuts = longLived === undefined ? 0 : CUTS.reduce((all, cut) => all + longLived[cut], 0);
      return sum + (progress?.lost ?? 0) + cuts;
    }, this.losses.total);
  }

  /** Ends everything cleanly. `answered` says when each process first answered, in ms since the epoch. */
  async stop(): Promise<{ traffic: Traffic; answered: ReadonlyMap<number, number> }> {
    const patient = [...this.#slow, ...this.#idle].map(async (client) => client.stop());
    const results = new Map<string, LoadResult>();
    for (const { kind, handle } of this.#handles) results.set(kind, await handle.stop());
    await Promise.all(patient);
    for (const [kind, result] of results) this.#judge(kind, result);
    const { echo, http, tls } = Object.fromEntries(results);
    const all = [...results.values()];
    return {
      traffic: {
        short: all.reduce((sum, { answered }) => sum + answered, 0),
        echoed: echo?.longLived?.answered ?? 0,
        requests: http?.longLived?.answered ?? 0,
        echoedSecurely: tls?.longLived?.answered ?? 0,
        opened: all.reduce((sum, { longLived }) => sum + (longLived?.opened ?? 0), 0),
        slow: this.#slow.reduce((sum, { visits }) => sum + visits, 0),
        idle: this.#idle.reduce((sum, { visits }) => sum + visits, 0),
        cutAtDeadline: this.#idle.reduce((sum, { cutAtDeadline }) => sum + cutAtDeadline, 0),
      },
      answered: new Map(Object.entries(echo?.pids ?? {}).map(([pid, { first }]) => [Number(pid), first])),
    };
  }

  async kill(): Promise<void> {
    for (const { handle } of this.#handles) await handle.kill();
  }

  async #begin({ ports, mix, pair }: MixedLoadOptions): Promise<void> {
    const stay = { count: mix.echo, interval: INTERVAL, holdFor: HOLD };
    const shared = { answerTimeout: PATIENCE, progressInterval: PROGRESS };
    const loads: [kind: string, options: LoadOptions][] = [
      ['echo', { target: { port: ports.echo }, answer: 'echo-pid', rate: mix.rate, longLived: stay }],
      [
        'http',
        {
          target: { port: ports.http },
          answer: 'http-pid',
          longLived: { count: mix.http, interval: INTERVAL },
        },
      ],
    ];
    if (ports.tls !== undefined && pair !== undefined) {
      const target = { port: ports.tls, tls: { ca: pair.certificate } };
      loads.push(['tls', { target, answer: 'echo-pid', longLived: { ...stay, count: mix.tls } }]);
    }
    for (const [kind, options] of loads) {
      this.#handles.push({ kind, handle: await startLoad({ ...shared, ...options }) });
    }
    for (const client of [...this.#slow, ...this.#idle]) client.start();
  }

  /** What was counted is right; of what was told in full there are only the first. */
  #judge(kind: string, { lostByCause, losses, longLived }: LoadResult): void {
    for (const [cause, count] of Object.entries(lostByCause)) {
      const at = losses.find((loss) => loss.cause === cause)?.lostAt ?? 0;
      this.losses.add({ kind: 'short', why: cause, at }, count);
    }
    if (longLived === undefined) return;
    for (const cut of CUTS.filter((name) => longLived[name] > 0)) {
      const first = longLived.cuts.find((details) => details.kind === cut);
      this.losses.add(
        { kind, why: `${cut} (${first?.code ?? first?.cause})`, at: first?.at ?? 0 },
        longLived[cut],
      );
    }
  }
}

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}
