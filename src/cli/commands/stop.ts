/** Stop for good, and wait until the process has gone. */
import { setTimeout as delay } from 'node:timers/promises';
import { harmlessLine } from '../../process/harmless.js';
import { ObservedProcess } from '../../process/observed-process.js';
import { type Context, serverOf } from '../context.js';
import { Deadline } from '../deadline.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import type { Answered, Operator, Stated } from '../operator.js';
import { holdersOf } from '../processes.js';
import { Progress } from '../progress.js';
import { deadlineOf } from '../settings.js';
import { duration } from '../text.js';
import { ANSWER_MILLISECONDS } from './status.js';

/** What service managers allow. */
const STOP_MILLISECONDS = 90_000;
const AGAIN_MILLISECONDS = 50;
/** From then on it is said who is waited for. */
const PATIENCE_MILLISECONDS = 2_000;
/** To ask whether somebody serves after all. */
const LOOK_MILLISECONDS = 2_000;

export async function stop(context: Context, { now = false }: { now?: boolean }): Promise<void> {
  const { output, settings } = context;
  const operator = await serverOf(context);
  const deadline = deadlineOf(settings, STOP_MILLISECONDS);
  // One that hangs is not sent an order that it would carry out when it wakes.
  const before = await operator.status(deadline.atMost(ANSWER_MILLISECONDS));
  const { peer: owner } = before;
  const found = new ObservedProcess(owner);
  const earlier = earlierGenerations(before);
  const progress = new Progress(output);
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
  earlier.delete(peer);
  const sayWhoLeft = (): void => {
    for (const pid of leavers(earlier)) progress.say(`pid ${pid}, of an earlier generation, has left`);
  };
  let patience = PATIENCE_MILLISECONDS;
  // Pid 0 is one of another pid namespace, of which only the lock file can be seen.
  while (stopped.alive || (peer === 0 && holdersOf(operator.controlPath).length > 0)) {
    sayWhoLeft();
    const others = [...earlier.keys()];
    if (deadline.over) throw stillThere(peer, others, deadline, now);
    if (progress.milliseconds > patience) {
      patience = Number.POSITIVE_INFINITY;
      progress.say(`waiting for ${pids([peer, ...others])}`);
    }
    await delay(Math.min(AGAIN_MILLISECONDS, deadline.left));
  }
  sayWhoLeft();
  await ensureNobody(operator, peer);
  const { milliseconds } = progress;
  output.line(`${output.style('green', 'Stopped')} in ${duration(milliseconds)}: pid ${peer} has gone.`);
  output.result({ pid: peer, milliseconds });
}

/** Those that drain behind the owner, by pid: it waits for them, and once it has left nobody knows of them any more. */
function earlierGenerations({ snapshot, peer }: Stated): Map<number, ObservedProcess> {
  // In another pid namespace their pids are somebody else's here.
  if (peer !== snapshot.pid) return new Map();
  return new Map(snapshot.draining.map(({ pid }) => [pid, new ObservedProcess(pid)]));
}

/** Takes those that have left out. */
function leavers(earlier: Map<number, ObservedProcess>): number[] {
  const gone = [...earlier].filter(([, process]) => !process.alive).map(([pid]) => pid);
  for (const pid of gone) earlier.delete(pid);
  return gone;
}

function pids([first, ...others]: readonly number[]): string {
  const earlier = others.length === 0 ? '' : `, and of earlier generations ${others.join(', ')}`;
  return `pid ${first}${earlier}`;
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

function stillThere(pid: number, earlier: readonly number[], deadline: Deadline, now: boolean): Failure {
  const hurry = now
    ? `To end it: kill -KILL ${pid}`
    : `To cut what is open: kill -TERM ${pid}, and again a second later`;
  const others = earlier.length === 0 ? '' : `, in earlier generations too (pid ${earlier.join(', ')})`;
  return new Failure(
    EXIT.timeout,
    'timed-out',
    `Pid ${pid} was told to stop and has not left within ${duration(deadline.milliseconds)}; it goes on finishing what is open${others}. ${hurry}.`,
    { pid, earlier },
  );
}
