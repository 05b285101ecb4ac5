/** Whether everything is as it should be after a fault: one owner, nothing left behind, and another restart works. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StatusAnswer } from '../../src/handover/protocol.js';
import type { Generations } from '../support/generations.js';
import { ownersOf } from '../support/one-owner.js';
import { addedTo, isAlive, zombiesOf } from '../support/processes.js';
import type { Event } from './interposer.js';
import { killedAt } from './losses.js';
import { type Baseline, OpenDescriptors } from './open-descriptors.js';
import { within } from './within.js';

/** What a service has in its directory, beside what belongs to the trial. */
const OF_SERVICE = ['control', 'control.lock', 'pid'];
const OF_TRIAL = /^(options\.json|peers|plan|events|claimed-(old|new))$/;

export class Judge {
  readonly problems: string[] = [];
  readonly descriptors: OpenDescriptors;
  readonly #generations: Generations;
  #first = 0;
  #owner: number | undefined;

  constructor(generations: Generations, expected: Baseline | undefined) {
    this.#generations = generations;
    this.descriptors = new OpenDescriptors(expected);
  }

  blame(problem: string): void {
    this.problems.push(problem);
  }

  /** Who serves before the hand-over, and who else is there; before there are clients. */
  remember(owner: number): void {
    this.#first = owner;
    for (const pid of this.#generations.alive()) {
      this.descriptors.remember(pid, pid === owner ? 'owner' : 'former');
    }
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
    for (const pid of this.#generations.alive()) {
      await this.#expectNoMore(pid, pid === owner ? 'owner' : 'former');
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
    await this.#expectNoMore(owner, 'next');
    await within(() => zombiesOf(owner).length === 0).catch(() => this.blame('a zombie'));
  }

  async #expectNoMore(pid: number, role: 'owner' | 'former' | 'next'): Promise<void> {
    const added = await this.descriptors.addedTo(pid, role).catch((error: unknown) => {
      // It may leave meanwhile.
      if (isAlive(pid)) throw error;
      return [];
    });
    if (added.length > 0) this.blame(`${role} ${pid} has open in addition: ${added.join(', ')}`);
  }

  async #status(): Promise<Record<string, unknown>> {
    return ((await this.#generations.order({ type: 'status' })) as StatusAnswer).status;
  }
}

function firstOf(sentences: readonly (string | false)[]): string | undefined {
  return sentences.find((sentence) => sentence !== false);
}
