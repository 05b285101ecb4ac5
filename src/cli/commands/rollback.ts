/** Back to the process before: by order, or, where the owner hangs, by ending it. */
import { type Context, serverOf } from '../context.js';
import type { Deadline } from '../deadline.js';
import { Failure } from '../failure.js';
import { endOwner } from '../force.js';
import type { Operator, Stated } from '../operator.js';
import { type NewOwner, outcomeOf, sayWhoServes } from '../outcome.js';
import { Progress } from '../progress.js';
import { deadlineOf } from '../settings.js';

/** Nothing has to start: the process before is there. */
const ROLLBACK_MILLISECONDS = 20_000;
/** Whoever has not answered by then hangs. */
const ANSWER_MILLISECONDS = 3_000;

export async function rollback(context: Context, { force = false }: { force?: boolean }): Promise<void> {
  const { output, settings } = context;
  const operator = await serverOf(context);
  const deadline = deadlineOf(settings, ROLLBACK_MILLISECONDS);
  const progress = new Progress(output);
  const before = await stated(operator, deadline, force);
  if (before !== undefined) {
    const { pid, generation } = before.snapshot;
    output.line(`Rolling back from pid ${pid}, generation ${generation}.`);
  }
  const owner = await back(operator, before, progress, deadline, force);
  const { milliseconds } = progress;
  sayWhoServes(output, owner, milliseconds);
  output.result({ pid: owner.pid, generation: owner.generation, milliseconds });
}

/** Undefined: it hangs, and may be ended. */
async function stated(operator: Operator, deadline: Deadline, force: boolean): Promise<Stated | undefined> {
  try {
    return await operator.status(force ? deadline.atMost(ANSWER_MILLISECONDS) : deadline);
  } catch (error) {
    if (force && hangs(error)) return undefined;
    throw error;
  }
}

async function back(
  operator: Operator,
  before: Stated | undefined,
  progress: Progress,
  deadline: Deadline,
  force: boolean,
): Promise<NewOwner> {
  if (before === undefined) return endOwner(operator, progress, deadline);
  try {
    return await outcomeOf(
      operator,
      before,
      progress,
      force ? deadline.atMost(deadline.left / 2) : deadline,
      {
        order: { type: 'rollback' },
        done: 'rolled-back',
        name: 'rollback',
      },
    );
  } catch (error) {
    // It hangs since, or its release knows no such order.
    if (force && hangs(error)) return endOwner(operator, progress, deadline);
    throw error;
  }
}

function hangs(error: unknown): boolean {
  return error instanceof Failure && ['no-answer', 'timed-out', 'not-understood'].includes(error.code);
}
