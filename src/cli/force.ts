/**
 * Ends an owner that hangs, so that the process before serves again: only if there is one that can, and only the process
 * that the kernel names as the listener of the control path.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ObservedProcess } from '../process/observed-process.js';
import { Deadline } from './deadline.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';
import type { Operator } from './operator.js';
import type { NewOwner } from './outcome.js';
import { holdersOf, isStopped } from './processes.js';
import type { Progress } from './progress.js';
import { duration } from './text.js';

const AGAIN_MILLISECONDS = 50;
/** For one look at who serves meanwhile. */
const LOOK_MILLISECONDS = 1_000;

export async function endOwner(
  operator: Operator,
  progress: Progress,
  deadline: Deadline,
): Promise<NewOwner> {
  const { controlPath } = operator;
  const pid = await operator.owner(deadline);
  const owner = new ObservedProcess(pid);
  const holders = holdersOf(controlPath);
  if (!isAmong(holders, owner)) {
    throw refused(
      pid,
      `The process that listens at ${controlPath} cannot be told from here, so it is not ended: do this as its user, outside of other containers.`,
    );
  }
  const others = holders.filter((holder) => holder !== pid);
  const able = others.filter((holder) => !isStopped(holder));
  if (able.length === 0) {
    const stopped =
      others.length === 0 ? '' : ` Pid ${others.join(', ')} is stopped itself (kill -CONT wakes it).`;
    throw refused(
      pid,
      `Nobody else could serve again, so pid ${pid} is not ended: that would end the service.${stopped} To start anew: kill -KILL ${pid}, then start.`,
    );
  }
  process.kill(pid, 'SIGKILL');
  progress.say(`pid ${pid} did not answer and is ended; pid ${able.join(', ')} can serve again`);
  for (;;) {
    const successor = await whoServes(operator, deadline);
    if (successor !== undefined && successor.pid !== pid) return successor;
    const left = holdersOf(controlPath).filter((holder) => holder !== pid);
    if (left.length === 0 && !owner.alive && (await whoServes(operator, deadline)) === undefined) {
      throw new Failure(
        EXIT.down,
        'down',
        `Pid ${pid} was ended, and pid ${able.join(', ')} has left instead of serving: nobody serves.`,
        { pid },
      );
    }
    if (deadline.over) {
      throw new Failure(
        EXIT.down,
        'down',
        `Pid ${pid} was ended, and nobody has served again within ${duration(deadline.milliseconds)}.`,
        { pid },
      );
    }
    await delay(AGAIN_MILLISECONDS);
  }
}

/** A pid from another namespace, or one that has been given away since, is nobody's to end. */
function isAmong(holders: readonly number[], owner: ObservedProcess): boolean {
  return owner.alive && holders.includes(owner.pid);
}

async function whoServes(operator: Operator, deadline: Deadline): Promise<NewOwner | undefined> {
  try {
    const look = new Deadline(Math.max(AGAIN_MILLISECONDS, deadline.atMost(LOOK_MILLISECONDS).left));
    const { snapshot } = await operator.status(look);
    return { pid: snapshot.pid, generation: snapshot.generation };
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

function refused(pid: number, message: string): Failure {
  return new Failure(EXIT.refused, 'not-forced', message, { pid });
}
