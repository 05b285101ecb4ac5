/** What came of an order that changes the owner: said truthfully also when nobody answers it. */
import { harmless, harmlessLine } from '../process/harmless.js';
import { Deadline } from './deadline.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';
import type { Answer, Operator, Order, Stated } from './operator.js';
import type { Output } from './output.js';
import type { Progress } from './progress.js';
import type { Snapshot } from './snapshot.js';
import { duration } from './text.js';

export interface NewOwner {
  readonly pid: number;
  readonly generation: number;
}

interface Change {
  readonly order: Order;
  readonly done: 'restarted' | 'rolled-back';
  readonly name: 'restart' | 'rollback';
}

/** Asking who serves, once the order is lost, gets this long. */
const AFTERWARDS_MILLISECONDS = 5_000;
/** One that has just answered, or never will. */
const LOOK_MILLISECONDS = 1_000;

/** Resolves with the new owner; throws a `Failure` that says who serves otherwise. */
export async function outcomeOf(
  operator: Operator,
  before: Stated,
  progress: Progress,
  deadline: Deadline,
  { order, done, name }: Change,
): Promise<NewOwner> {
  let answer: Answer;
  try {
    ({ answer } = await operator.order(order, deadline, progress.onStep));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (error.code === 'no-answer') {
      throw timedOut(await ownerNow(operator, before), progress, deadline, name);
    }
    if (error.code !== 'closed' && error.code !== 'nobody') throw error;
    return afterwards(operator, before, progress, name);
  }
  switch (answer.type) {
    case 'restarted':
    case 'rolled-back':
      if (answer.type === done) return { pid: answer.pid, generation: answer.generation };
      break;
    case 'failed':
      throw failed(await ownerNow(operator, before), answer, name);
    case 'refused':
      throw new Failure(
        EXIT.refused,
        answer.reason,
        `The ${name} was refused: ${harmlessLine(answer.message)}`,
      );
    case 'stopping':
      break;
  }
  throw new Failure(EXIT.unknown, 'nonsense', `The ${name} was answered by ${answer.type}.`);
}

export function sayWhoServes(output: Output, { pid, generation }: NewOwner, milliseconds: number): void {
  output.line(
    `${output.style('green', 'Done')} in ${duration(milliseconds)}: pid ${pid} serves, generation ${generation}.`,
  );
}

/** The owner has gone without a word: whoever serves now tells what came of it. */
async function afterwards(
  operator: Operator,
  before: Stated,
  progress: Progress,
  name: Change['name'],
): Promise<NewOwner> {
  const { pid } = before.snapshot;
  let now: Stated;
  try {
    now = await operator.status(new Deadline(AFTERWARDS_MILLISECONDS));
  } catch (error) {
    if (error instanceof Failure && error.code === 'nobody') {
      throw new Failure(
        EXIT.down,
        'down',
        `Pid ${pid} died during the ${name}, and nobody serves at ${operator.controlPath}.`,
        { pid, reached: progress.last ?? null },
      );
    }
    throw error;
  }
  const owner = now.snapshot;
  if (owner.pid === pid) {
    throw new Failure(
      EXIT.refused,
      'not-understood',
      `Pid ${pid} serves on, and did not answer the ${name}: its release may be too old to know it.`,
      { pid },
    );
  }
  if (before.snapshot.draining.some((each) => each.pid === owner.pid) && name === 'restart') {
    throw new Failure(
      EXIT.refused,
      'rolled-back',
      `Pid ${pid} died during the restart; pid ${owner.pid} serves again.`,
      {
        pid: owner.pid,
        generation: owner.generation,
      },
    );
  }
  // Whoever took over counts on from its predecessor; a cold start does not.
  if (owner.generation > before.snapshot.generation) return { pid: owner.pid, generation: owner.generation };
  throw new Failure(
    EXIT.unknown,
    'started-anew',
    `Pid ${pid} died during the ${name}; pid ${owner.pid} was started anew and serves.`,
    { pid: owner.pid, generation: owner.generation },
  );
}

/** Who serves, as far as it says so: an order that was queued may have been carried out by another than was asked. */
async function ownerNow(operator: Operator, before: Stated): Promise<Snapshot> {
  try {
    return (await operator.status(new Deadline(LOOK_MILLISECONDS))).snapshot;
  } catch (error) {
    if (error instanceof Failure) return before.snapshot;
    throw error;
  }
}

function timedOut({ pid }: Snapshot, progress: Progress, deadline: Deadline, name: string): Failure {
  const reached = progress.last === undefined ? 'nothing was heard of it' : `last: ${progress.last}`;
  const goesOn = progress.last === undefined ? 'It may still be carried out' : 'It goes on';
  return new Failure(
    EXIT.timeout,
    'timed-out',
    `The ${name} was not over within ${duration(deadline.milliseconds)} (${reached}). ${goesOn}; pid ${pid} serves until then. See: uninterruptible status`,
    { pid, reached: progress.last ?? null },
  );
}

/** It was stopped in between, or serves on. */
function failed(
  { pid, generation }: Snapshot,
  { code, message, lastWords }: Extract<Answer, { type: 'failed' }>,
  name: string,
): Failure {
  const facts = {
    pid,
    generation,
    ...(typeof lastWords === 'string' && lastWords !== '' ? { lastWords: harmless(lastWords) } : {}),
  };
  const reason = harmlessLine(message);
  return code === 'UNINTERRUPTIBLE_STOPPED'
    ? new Failure(EXIT.down, code, `No ${name}: pid ${pid} is being stopped for good. ${reason}`, facts)
    : new Failure(EXIT.refused, code, `The ${name} failed, pid ${pid} serves on. ${reason} (${code})`, facts);
}
