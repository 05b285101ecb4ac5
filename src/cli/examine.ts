/** All checks of one server, in the order in which an operator would look. */
import { controlPathChecks, processChecks, statusChecks } from './checks.js';
import type { Deadline } from './deadline.js';
import { Failure } from './failure.js';
import type { Finding } from './finding.js';
import type { Operator, Stated } from './operator.js';
import { holdersOf, isStopped } from './processes.js';
import { duration } from './text.js';

export interface Report {
  readonly findings: readonly Finding[];
  /** Why there was no answer, if there was none. */
  readonly unanswered: Failure | undefined;
}

export async function checks(operator: Operator, deadline: Deadline): Promise<Report> {
  const { controlPath } = operator;
  const start = performance.now();
  const answer = await ask(operator, deadline);
  const findings = [...controlPathChecks(controlPath)];
  if (answer instanceof Failure) {
    findings.push(unanswered(answer, controlPath));
    const pid = Number(answer.facts['pid'] ?? 0);
    return { findings: [...findings, ...(pid > 0 ? processChecks(pid, undefined) : [])], unanswered: answer };
  }
  const { snapshot, peer } = answer;
  const took = duration(performance.now() - start);
  findings.push({ check: 'answer', level: 'ok', message: `Pid ${snapshot.pid} answered within ${took}.` });
  findings.push(...statusChecks(answer));
  // In another pid namespace its pid is somebody else's here.
  if (peer === snapshot.pid) findings.push(...processChecks(peer, snapshot.version));
  return { findings, unanswered: undefined };
}

async function ask(operator: Operator, deadline: Deadline): Promise<Stated | Failure> {
  try {
    return await operator.status(deadline);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

function unanswered({ code, message, facts }: Failure, controlPath: string): Finding {
  const pid = Number(facts['pid'] ?? 0);
  return { check: 'answer', level: 'fail', message: `${message}${advice(code, pid, controlPath)}` };
}

function advice(code: string, pid: number, controlPath: string): string {
  switch (code) {
    case 'nobody': {
      const holders = holdersOf(controlPath);
      return holders.length === 0 ? ' Start the server.' : ` Look at pid ${holders.join(', ')}.`;
    }
    case 'no-answer':
      if (pid > 0 && isStopped(pid)) return ` It is stopped: kill -CONT ${pid}`;
      return ' It hangs, or the machine is overloaded; uninterruptible rollback --force goes back to the process before.';
    case 'forbidden':
      return ' Run this as the user of the server, or as root.';
    default:
      return '';
  }
}
