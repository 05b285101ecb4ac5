/** Restart: the owner starts the new version and hands over; the answer is whether it serves. */
import { setTimeout as delay } from 'node:timers/promises';
import { ObservedProcess } from '../../process/observed-process.js';
import { type Context, serverOf } from '../context.js';
import { Deadline } from '../deadline.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import type { Operator, Stated } from '../operator.js';
import { type NewOwner, outcomeOf, sayWhoServes } from '../outcome.js';
import { Progress } from '../progress.js';
import { deadlineOf } from '../settings.js';
import { count } from '../text.js';
import { ANSWER_MILLISECONDS } from './status.js';

/** Of a server that does not tell its own. */
const READY_TIMEOUT = 60_000;
/** What a restart takes beside getting ready. */
const MARGIN_MILLISECONDS = 15_000;
const DRAIN_MILLISECONDS = 10 * 60_000;
const AGAIN_MILLISECONDS = 200;
/** The last look, too: what is left of the time might be too short for an answer that would come. */
const LOOK_MILLISECONDS = 1_000;

export async function restart(
  context: Context,
  { waitDrained = false }: { waitDrained?: boolean },
): Promise<void> {
  const { output, settings } = context;
  const operator = await serverOf(context);
  const before = await operator.status(deadlineOf(settings, ANSWER_MILLISECONDS).atMost(ANSWER_MILLISECONDS));
  const { pid, generation, readyTimeout = READY_TIMEOUT, restarting } = before.snapshot;
  // A restart that is under way is waited for.
  const turn = Math.min(readyTimeout, Math.max(0, (restarting?.deadline ?? 0) - Date.now()));
  const deadline = deadlineOf(
    settings,
    turn + readyTimeout + MARGIN_MILLISECONDS + (waitDrained ? DRAIN_MILLISECONDS : 0),
  );
  output.line(`Restarting pid ${pid}, generation ${generation}.`);
  const progress = new Progress(output);
  const owner = await outcomeOf(operator, before, progress, deadline, {
    order: { type: 'restart' },
    done: 'restarted',
    name: 'restart',
  });
  const { milliseconds } = progress;
  sayWhoServes(output, owner, milliseconds);
  if (waitDrained) await drained(operator, before, owner, progress, deadline);
  output.result({
    pid: owner.pid,
    generation: owner.generation,
    milliseconds,
    before: { pid, generation },
    ...(waitDrained ? { drained: true } : {}),
  });
}

/** Until the new owner knows nothing of the old process any more, and there is none. */
async function drained(
  operator: Operator,
  before: Stated,
  owner: NewOwner,
  progress: Progress,
  deadline: Deadline,
): Promise<void> {
  const { pid } = before.snapshot;
  const old = before.peer === pid ? new ObservedProcess(pid) : undefined;
  let said: number | undefined;
  for (;;) {
    const look = new Deadline(Math.max(LOOK_MILLISECONDS, deadline.atMost(ANSWER_MILLISECONDS).left));
    const { snapshot } = await operator.status(look);
    if (snapshot.pid === pid) {
      throw new Failure(
        EXIT.refused,
        'rolled-back',
        `Pid ${pid} serves again: pid ${owner.pid} did not live.`,
        { pid },
      );
    }
    const left = snapshot.draining.find((each) => each.pid === pid);
    if (left === undefined && old?.alive !== true) {
      progress.say(`pid ${pid} has left`);
      return;
    }
    if (left !== undefined && left.connections !== said) {
      progress.say(`pid ${pid} has ${count(left.connections, 'connection')} left`);
      said = left.connections;
    }
    if (deadline.over) {
      throw new Failure(
        EXIT.timeout,
        'not-drained',
        `The restart is done, pid ${snapshot.pid} serves. But pid ${pid} still drains (${count(left?.connections ?? 0, 'connection')} left), and goes on.`,
        { pid: snapshot.pid, generation: snapshot.generation, draining: pid },
      );
    }
    await delay(Math.min(AGAIN_MILLISECONDS, deadline.left));
  }
}
