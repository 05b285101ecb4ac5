/** What was lost, and why: counted without end, told in full for the first. */

export interface Loss {
  /** Whose: `short`, `http`, `slow`, … */
  kind: string;
  why: string;
  /** Milliseconds since the epoch. */
  at: number;
}

const TOLD = 100;

export class Losses {
  /** By kind and reason. */
  readonly counts: Record<string, number> = {};
  readonly first: Loss[] = [];

  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }

  add(loss: Loss, times = 1): void {
    const reason = `${loss.kind}: ${loss.why}`;
    this.counts[reason] = (this.counts[reason] ?? 0) + times;
    if (this.first.length < TOLD) this.first.push({ ...loss, at: Math.round(loss.at) });
  }
}
