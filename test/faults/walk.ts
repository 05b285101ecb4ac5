/** Tries plans, several at a time: those in which a process is stopped mostly wait, and have places of their own. */
import type { Plan } from './fault.js';
import type { Outcome } from './trial.js';

/** Trials that wait, for one that does not. */
const WAITING = 3;

export interface Walk {
  plans: readonly Plan[];
  /** Trials at a time that keep the machine busy. */
  jobs: number;
  /** No trial begins after so many milliseconds. */
  limit: number;
  /** Nor after this was aborted. */
  signal: AbortSignal;
  attempt: (plan: Plan) => Promise<Outcome>;
  onOutcome: (outcome: Outcome, plan: Plan) => void;
}

/** Returns the plans that there was no time for. */
export async function walk({ plans, jobs, limit, signal, attempt, onOutcome }: Walk): Promise<Plan[]> {
  const end = performance.now() + limit;
  const waits = ({ faults }: Plan): boolean => faults.some(({ action }) => action === 'stop');
  const queues: [plans: Plan[], places: number][] = [
    [plans.filter(waits), WAITING * jobs],
    [plans.filter((plan) => !waits(plan)), jobs],
  ];
  const work = async (queue: Plan[]): Promise<void> => {
    while (performance.now() < end && !signal.aborted) {
      const plan = queue.shift();
      if (plan === undefined) return;
      onOutcome(await attempt(plan), plan);
    }
  };
  await Promise.all(queues.flatMap(([queue, places]) => Array.from({ length: places }, () => work(queue))));
  return queues.flatMap(([queue]) => queue);
}
