/** What the processes of a trial have open, compared with what they had and with a trial in which nothing goes wrong. */
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { WAITS } from '../../src/handover/protocol.js';
import { addedTo, descriptorOf } from '../support/processes.js';
import { within } from './within.js';

/** Who serves after the hand-over, who stands by then, and who serves after the further restart. */
type Role = 'owner' | 'former' | 'next';

/** What each has open, at its least. */
export type Baseline = Partial<Record<Role, string[]>>;

const STDERR = 2;
/** The interposer's own. */
const OF_INTERPOSER = '/events';
/** Each trial has a directory of its own. */
const OF_DIRECTORY = '/generations-';
/** Without anything to compare with: by then a former owner has closed its control socket as well. */
const REST = WAITS.moved + 500;

export class OpenDescriptors {
  /** Of this trial. */
  readonly found: Baseline = {};
  leaked = 0;
  readonly #expected: Baseline | undefined;
  readonly #before = new Map<number, { role: Role; kinds: string[] }>();

  constructor(expected: Baseline | undefined) {
    this.#expected = expected;
  }

  /** Before the hand-over, and before there are clients. */
  remember(pid: number, role: Role): void {
    this.#before.set(pid, { role, kinds: kindsOf(pid) });
  }

  /** What the process has open in addition, if that does not change. Whoever kept its role is compared with itself. */
  async addedTo(pid: number, role: Role): Promise<string[]> {
    const before = this.#before.get(pid);
    const expected = before?.role === role ? before.kinds : this.#expected?.[role];
    let least = kindsOf(pid);
    const added = (): string[] => addedTo(expected ?? [], least);
    const isSettled = (): boolean => {
      const now = kindsOf(pid);
      if (now.length < least.length) least = now;
      return expected !== undefined && added().length === 0;
    };
    const settled = await within(isSettled, expected === undefined ? REST : undefined).then(
      () => true,
      () => expected === undefined,
    );
    this.found[role] = least;
    if (settled) return [];
    this.leaked += added().length;
    return added();
  }
}

/** Of each role the least that was found. */
export function least(...baselines: readonly Baseline[]): Baseline {
  const merged: Baseline = {};
  for (const [role, kinds] of baselines.flatMap((each) => Object.entries(each) as [Role, string[]][])) {
    if ((merged[role]?.length ?? Infinity) > kinds.length) merged[role] = kinds;
  }
  return merged;
}

/** Beside the standard streams, sorted. */
function kindsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`)
    .filter((fd) => Number(fd) > STDERR)
    .map((fd) => descriptorOf(pid, Number(fd)))
    .filter((target) => target !== undefined && !target.endsWith(OF_INTERPOSER))
    .map((target) => (target!.includes(OF_DIRECTORY) ? basename(target!) : target!.replace(/\[\d+\]$/, '')))
    .sort();
}
