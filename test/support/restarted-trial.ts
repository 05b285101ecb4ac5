/** A trial in which the service has been restarted once: the one before may be asked to serve again. */
import type { Version } from './generations.js';
import { type Trial, trial } from './trial.js';

/** Can be gone back to for longer than any test takes. */
export const LONG: { readonly servers: [{ readonly rollbackWindow: 60_000 }] } = {
  servers: [{ rollbackWindow: 60_000 }],
};
/** What an operator orders. */
export const ROLLBACK = { type: 'rollback' } as const;

export interface Restarted {
  readonly trial: Trial;
  readonly generations: Trial['generations'];
  /** The process before. */
  readonly first: number;
  /** The owner. */
  readonly second: number;
}

/** Starts a service of one version, restarts it as another, tries, and leaves nothing behind. */
export async function restartedTrial(
  before: Version,
  after: Version,
  body: (restarted: Restarted) => Promise<void>,
): Promise<void> {
  await trial(before, async (trial) => {
    const { generations, first } = trial;
    trial.deploy(after);
    await body({ trial, generations, first, second: await generations.restart() });
  });
}
