/** Whether everything is as it should be after a fault: one owner, nothing left behind, and another restart works. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { StatusAnswer } from '../../src/handover/protocol.js';
import type { Generations } from '../support/generations.js';
import { ownersOf } from '../support/one-owner.js';
import { addedTo, descriptorOf, isAlive, zombiesOf } from '../support/processes.js';
import type { Event } from './interposer.js';
import { killedAt } from './losses.js';

/** What an owner has open, at its least. */
export interface Baseline {
  /** The one that took over. */
  successor?: string[];
  /** The one after it. */
  next?: string[];
}

const DEADLINE = 5_000;
const POLL = 20;
/** What a service has in its directory, beside what belongs to the trial. */
const OF_SERVICE = ['control', 'control.lock', 'pid'];
const OF_TRIAL = /^(options\.json|peers|plan|events|claimed-(old|new))$/;
/** The interposer's own. */
const OF_INTERPOSER = '/events';
const STDERR = 2;
const OF_DIRECTORY = '/generations-';

export class Judge {
  readonly problems: string[] = [];
  leaked = 0;
  readonly baseline: Baseline = {};
  readonly #generations: Generations;
  readonly #expected: Baseline | undefined;
  #first = 0;
  #ofFirst: string[] = [];
  #owner: number | undefined;

  constructor(generations: Generations, expected: Baseline | undefined) {
    this.#generations = generations;
    this.#expected = expected;
  }

  blame(problem: string): void {
    this.problems.push(problem);
  }

  /** The first generation, before there are clients. */
  remember(pid: number): void {
    this.#first = pid;
    this.#ofFirst = open(pid);
  }

  /** Nobody is left: then everybody who was there was killed. */
  expectDeadByFault(events: readonly Event[]): void {
    const killed = killedAt(events);
    if (!killed.has(this.#first)) this.blame('nobody is left, and the first was not killed');
  }

  /**
   * Exactly one process owns the service: lock, control path, pid file and port lead to it. To be called while nobody
   * comes, or clients would count as descriptors left open.
   */
  async expectOwner(expected: number | undefined): Promise<void> {
    const { directory, controlPath } = this.#generations;
    let wrong: string | undefined;
    let owner: number | undefined;
    await within(async () => {
      const status = await this.#status();
      owner = Number(status['pid']);
      const answer = await this.#generations.request('who').catch(String);
      wrong = firstOf([
        expected !== undefined &&
          owner !== expected &&
          `${owner} answers at the control path, not ${expected}`,
        status['state'] !== 'serving' && `the owner is ${String(status['state'])}`,
        answer !== `who ${owner}` && `the port answers "${answer}", the owner is ${owner}`,
        ownersOf(`${controlPath}.lock`) !== 1 && 'byte 0 does not have one holder',
        readFileSync(join(directory, 'pid'), 'utf8') !== `${owner}\n` &&
          'the pid file does not name the owner',
      ]);
      return wrong === undefined;
    }).catch((error: unknown) => {
      wrong ??= String(error);
    });
    if (wrong !== undefined) this.blame(wrong);
    this.#owner = owner;
    if (owner === undefined || !isAlive(owner)) return;
    if (owner === this.#first) {
      await this.#expectNoMore(owner, this.#ofFirst, 'the owner');
    } else {
      this.baseline.successor = await this.#expectNoMore(owner, this.#expected?.successor, 'the new owner');
    }
  }

  /** Another restart works, and whoever served before is the one that stands by. */
  async expectFurtherRestart(): Promise<void> {
    const generations = this.#generations;
    const before = this.#owner;
    const answer = await generations
      .order({ type: 'restart' })
      .catch((error: unknown) => ({ type: String(error) }));
    if (answer.type !== 'restarted') {
      this.blame(`a further restart: ${JSON.stringify(answer)}`);
      return;
    }
    const owner = Number((answer as { pid?: number }).pid);
    this.#owner = owner;
    const others = (): number[] => generations.alive().filter((pid) => pid !== owner && pid !== before);
    await within(() => others().length === 0).catch(() => this.blame(`still there: ${others().join(', ')}`));
  }

  /** No file beside those of a service, no descriptor too many, and no dead child. To be called when nobody comes any more. */
  async expectNothingLeft(): Promise<void> {
    const { directory } = this.#generations;
    const files = (): string[] =>
      addedTo(
        OF_SERVICE,
        readdirSync(directory).filter((name) => !OF_TRIAL.test(name)),
      );
    await within(() => files().length === 0).catch(() => this.blame(`left behind: ${files().join(', ')}`));
    const owner = this.#owner;
    if (owner === undefined || !isAlive(owner)) return;
    this.baseline.next = await this.#expectNoMore(owner, this.#expected?.next, 'the next owner');
    await within(() => zombiesOf(owner).length === 0).catch(() => this.blame('a zombie'));
  }

  /** What is being closed needs a moment: it is what is open at the least. Returns that. */
  async #expectNoMore(pid: number, expected: readonly string[] | undefined, who: string): Promise<string[]> {
    let least = open(pid);
    const added = (): string[] => addedTo(expected ?? [], least);
    await within(
      () => {
        const now = open(pid);
        if (now.length < least.length) least = now;
        return expected !== undefined && added().length === 0;
      },
      expected === undefined ? 500 : DEADLINE,
    ).catch(() => {
      if (expected === undefined) return;
      this.leaked += added().length;
      this.blame(`${who} has open in addition: ${added().join(', ')}`);
    });
    return least;
  }

  async #status(): Promise<Record<string, unknown>> {
    return ((await this.#generations.order({ type: 'status' })) as StatusAnswer).status;
  }
}

/**
 * What a process has open beside its standard streams, sorted. Of files the names: each trial has a directory of its own.
 */
function open(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`)
    .filter((fd) => Number(fd) > STDERR)
    .map((fd) => descriptorOf(pid, Number(fd)))
    .filter((target) => target !== undefined && !target.endsWith(OF_INTERPOSER))
    .map((target) => (target!.includes(OF_DIRECTORY) ? basename(target!) : target!.replace(/\[\d+\]$/, '')))
    .sort();
}

function firstOf(sentences: readonly (string | false)[]): string | undefined {
  return sentences.find((sentence) => sentence !== false);
}

/** Rejects with the last error, or because it did not become true. */
async function within(holds: () => boolean | Promise<boolean>, deadline: number = DEADLINE): Promise<void> {
  const end = performance.now() + deadline;
  for (;;) {
    let failure: unknown = new Error('in time it did not become so');
    try {
      if (await holds()) return;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > end) throw failure;
    await delay(POLL);
  }
}
