/** Stop for good, and wait until the process has gone. */
import { setTimeout as delay } from 'node:timers/promises';
import { harmlessLine } from '../../process/harmless.js';
import { ObservedProcess } from '../../process/observed-process.js';
import { type Context, serverOf } from '../context.js';
import { Deadline } from '../deadline.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import type { Answered, Operator } from '../operator.js';
import { holdersOf } from '../processes.js';
import { deadlineOf } from '../settings.js';
import { duration } from '../text.js';
import { ANSWER_MILLISECONDS } from './status.js';

/** What service managers allow. */
const STOP_MILLISECONDS = 90_000;
const AGAIN_MILLISECONDS = 50;
/** To ask whether somebody serves after all. */
const LOOK_MILLISECONDS = 2_000;

export async function stop(context: Context, { now = false }: { now?: boolean }): Promise<void> {
  const { output, settings } = context;
  const operator = await serverOf(context);
  const deadline = deadlineOf(settings, STOP_MILLISECONDS);
  const start = performance.now();
  // One that hangs is not sent an order that it would carry out when it wakes.
  const { peer: owner } = await operator.status(deadline.atMost(ANSWER_MILLISECONDS));
  const found = new ObservedProcess(owner);
  const { answer, peer } = await operator.order(
    now ? { type: 'stop', now: true } : { type: 'stop' },
    deadline,
  );
  if (answer.type !== 'stopping') {
    const message = 'message' in answer ? harmlessLine(answer.message) : answer.type;
    throw new Failure(EXIT.refused, 'refused', `The stop was refused: ${message}`);
  }
  // Whoever answered may be another than was found first: it has handed over in between.
  const stopped = owner === peer ? found : new ObservedProcess(peer);
  output.line(`Stopping pid ${peer}${now ? ', cutting what is open' : ', finishing what is open'}.`);
  // Pid 0 is one of another pid namespace, of which only the lock file can be seen.
  while (stopped.alive || (peer === 0 && holdersOf(operator.controlPath).length > 0)) {
    if (deadline.over) throw stillThere(peer, deadline, now);
    await delay(Math.min(AGAIN_MILLISECONDS, deadline.left));
  }
  await ensureNobody(operator, peer);
  const milliseconds = Math.round(performance.now() - start);
  output.line(`${output.style('green', 'Stopped')} in ${duration(milliseconds)}: pid ${peer} has gone.`);
  output.result({ pid: peer, milliseconds });
}

/** A predecessor may have taken the service back, or a supervisor has started it again. */
async function ensureNobody(operator: Operator, peer: Answered['peer']): Promise<void> {
  try {
    const { snapshot } = await operator.status(new Deadline(LOOK_MILLISECONDS));
    throw new Failure(
      EXIT.refused,
      'serves-again',
      `Pid ${peer} has gone, but pid ${snapshot.pid} serves at ${operator.controlPath}: it took the service back, or a supervisor started it.`,
      { pid: snapshot.pid },
    );
  } catch (error) {
    if (!(error instanceof Failure && error.code === 'nobody')) throw error;
  }
}

function stillThere(pid: number, deadline: Deadline, now: boolean): Failure {
  const hurry = now
    ? `To end it: kill -KILL ${pid}`
    : `To cut what is open: kill -TERM ${pid}, and again a second later`;
  return new Failure(
    EXIT.timeout,
    'timed-out',
    `Pid ${pid} was told to stop and has not left within ${duration(deadline.milliseconds)}; it goes on finishing what is open, in earlier generations too. ${hurry}.`,
    { pid },
  );
}
