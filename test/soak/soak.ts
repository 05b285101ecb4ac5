/** Restarts a service under load, again and again, and looks at every generation at the same point of its life. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seeded } from '../faults/random.js';
import { makePair, type Pair } from '../support/certificates.js';
import { addedTo } from '../support/processes.js';
import { type Mix, MixedLoad, mixOf, type Ports, type Traffic } from './load.js';
import type { Losses } from './losses.js';
import type { Plant } from './options.js';
import type { Sample, Times } from './sample.js';
import { DRAIN_TIMEOUT, OVERSTAY, Service } from './service.js';
import { familyOf, filesIn, kernelSockets } from './surroundings.js';

/** When so many restarts fail one after the other there is nothing to be learnt from more. */
const FAILURES_IN_A_ROW = 3;
const SUPERVISOR_AND_OWNER = 2;

export interface SoakOptions {
  restarts: number;
  connections: number;
  seed: number;
  plants: readonly Plant[];
  /** No restart begins after it. */
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
}

export interface Progress {
  latest: Sample;
  lost: number;
}

export interface Outcome {
  mix: Mix;
  seconds: number;
  samples: Sample[];
  traffic: Traffic;
  losses: Losses;
  /** Earlier generations that were there at once, at most. */
  mostDraining: number;
  /** What went wrong beside losses and trends, in sentences. */
  problems: string[];
}

export async function soak(options: SoakOptions): Promise<Outcome> {
  const pair = certificate();
  const service = await Service.start({ plants: options.plants, pair });
  let load: MixedLoad | undefined;
  try {
    const { generations } = service;
    const ports = {
      echo: generations.port(0),
      http: generations.port(1),
      tls: pair && generations.port(2),
    };
    const mix = mixOf(options.connections, pair !== undefined);
    const before = filesIn(generations.directory);
    load = await MixedLoad.start({
      ports,
      mix,
      pair,
      drains: { timeout: DRAIN_TIMEOUT, since: (pid) => service.drainingSince(pid) },
      random: seeded(options.seed),
    });
    const begunAt = performance.now();
    const rounds = new Rounds(service, load, ports);
    await rounds.run(options);
    const seconds = (performance.now() - begunAt) / 1_000;
    const { traffic, answered } = await load.stop();
    const { samples, problems, mostDraining } = rounds;
    for (const { pid, orderedAt, times } of samples) {
      const first = answered.get(pid);
      // A pid may have been another generation's before.
      if (first !== undefined && first > orderedAt) times.answering = first - orderedAt;
    }
    problems.push(...(await atRest(service, before)), ...(await atTheEnd(service)));
    return { mix, seconds, samples, traffic, losses: load.losses, mostDraining, problems };
  } finally {
    await load?.kill();
    await service.end();
  }
}

class Rounds {
  readonly samples: Sample[] = [];
  readonly problems: string[] = [];
  mostDraining = 0;
  readonly #service: Service;
  readonly #load: MixedLoad;
  readonly #ports: number[];

  constructor(service: Service, load: MixedLoad, { echo, http, tls }: Ports) {
    this.#service = service;
    this.#load = load;
    this.#ports = [echo, http, ...(tls === undefined ? [] : [tls])];
  }

  async run({ restarts, signal, onProgress }: SoakOptions): Promise<void> {
    let failures = 0;
    for (let restart = 1; restart <= restarts && !signal.aborted; restart += 1) {
      try {
        const latest = await this.#restart(restart);
        this.samples.push(latest);
        onProgress({ latest, lost: this.#load.lost });
        failures = 0;
      } catch (error) {
        this.problems.push(`restart ${restart}: ${String(error)}`);
        failures += 1;
        if (failures === FAILURES_IN_A_ROW || this.#service.isOver) return;
      }
    }
  }

  async #restart(restart: number): Promise<Sample> {
    const service = this.#service;
    const restarted = await service.restart();
    const { pid, orderedAt, serving, left } = restarted;
    const times: Times = { serving };
    void left.then((milliseconds) => {
      times.left = milliseconds;
      if (milliseconds > serving + DRAIN_TIMEOUT + OVERSTAY) {
        this.problems.push(
          `restart ${restart}: the one before left only after ${Math.round(milliseconds)} ms`,
        );
      }
    });
    const generation = await service.look(restarted);
    this.mostDraining = Math.max(this.mostDraining, service.leaving.length);
    const { directory } = service.generations;
    return {
      restart,
      pid,
      orderedAt,
      times,
      generation,
      supervisor: service.supervisorLook,
      family: familyOf(service.supervisor),
      files: filesIn(directory).length,
      kernel: kernelSockets(this.#ports, directory),
    };
  }
}

/** What is left of earlier generations when all clients have gone. */
async function atRest(service: Service, filesBefore: readonly string[]): Promise<string[]> {
  const { generations, supervisor } = service;
  const problems: string[] = [];
  const isAlone = (): boolean =>
    service.leaving.length === 0 && generations.alive().length <= SUPERVISOR_AND_OWNER;
  await generations.until(isAlone, 'earlier generations to leave', DRAIN_TIMEOUT + OVERSTAY).catch(() => {
    problems.push(`earlier generations have not left: ${service.leaving.join(', ')}`);
  });
  const { zombies } = familyOf(supervisor);
  if (zombies > 0) problems.push(`zombies left: ${zombies}`);
  const files = addedTo(filesBefore, filesIn(generations.directory));
  if (files.length > 0) problems.push(`files left: ${some(files)}`);
  if (generations.stderr !== '') problems.push(`said on stderr: ${generations.stderr.slice(0, 500)}`);
  return problems;
}

/** What is left of the service when it was stopped. */
async function atTheEnd(service: Service): Promise<string[]> {
  try {
    const end = await service.stop();
    return end === 'exit code 0' ? [] : [`the service ended with ${end}`];
  } catch (error) {
    return [`the service did not end: ${String(error)}`];
  }
}

function some(names: readonly string[]): string {
  return names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ');
}

/** Undefined where there is no openssl to make it. */
function certificate(): Pair | undefined {
  if (spawnSync('openssl', ['version']).status !== 0) return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'soak-'));
  try {
    return makePair(directory, 'localhost');
  } finally {
    rmSync(directory, { recursive: true });
  }
}
