/** Looks for what is wrong, or will be at the next restart, and says what to do. */

import { harmlessLine } from '../../process/harmless.js';
import { type Context, serverOf } from '../context.js';
import { checks, type Report } from '../examine.js';
import { EXIT } from '../exit-codes.js';
import { Failure } from '../failure.js';
import type { Style } from '../output.js';
import { deadlineOf } from '../settings.js';
import { columns, count } from '../text.js';
import { ANSWER_MILLISECONDS } from './status.js';

const STYLES: Readonly<Record<string, Style>> = { ok: 'green', warn: 'yellow', fail: 'red' };

export async function doctor(context: Context): Promise<void> {
  const { output, settings } = context;
  const operator = await serverOf(context);
  const report = await checks(operator, deadlineOf(settings, ANSWER_MILLISECONDS));
  const lines = columns(
    report.findings.map(({ check, level, message }) => [
      output.style(STYLES[level] ?? 'bold', level.padEnd(4)),
      check,
      harmlessLine(message),
    ]),
    output.width,
  );
  for (const line of lines) output.line(line);
  const failure = failureOf(report);
  if (failure !== undefined) throw failure;
  output.result({ checks: report.findings });
}

/** Why nobody answered counts for more than what else was found. */
function failureOf({ findings, unanswered }: Report): Failure | undefined {
  const facts = { checks: findings };
  if (unanswered !== undefined) {
    const { exitCode, code, message } = unanswered;
    return new Failure(exitCode, code, message, { ...unanswered.facts, ...facts });
  }
  const failed = findings.filter(({ level }) => level === 'fail').length;
  if (failed === 0) return undefined;
  return new Failure(EXIT.unknown, 'checks-failed', `${count(failed, 'check')} failed.`, facts);
}
