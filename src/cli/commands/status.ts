/** What the owner says of itself, once or again and again. */
import { setTimeout as delay } from 'node:timers/promises';
import { harmless, harmlessLine } from '../../process/harmless.js';
import { onInterrupt } from '../../process/signals.js';
import { type Context, serverOf } from '../context.js';
import { Deadline } from '../deadline.js';
import { Failure } from '../failure.js';
import type { Operator, Stated } from '../operator.js';
import { deadlineOf } from '../settings.js';
import { changeLine, listenerLines, statusLines } from '../status-lines.js';
import { clock, fitted } from '../text.js';

/** For one answer: a server that has no time for it in five seconds has none for its clients. */
export const ANSWER_MILLISECONDS = 5_000;
const WATCH_MILLISECONDS = 1_000;

interface StatusOptions {
  watch?: boolean;
  metrics?: boolean;
}

export async function status(
  context: Context,
  { watch = false, metrics = false }: StatusOptions,
): Promise<void> {
  const operator = await serverOf(context);
  const { output, settings } = context;
  if (metrics) {
    const text = harmless(await operator.metrics(deadlineOf(settings, ANSWER_MILLISECONDS)));
    output.result({ metrics: text });
    output.line(text.trimEnd());
    return;
  }
  if (watch) {
    await follow(context, operator);
    return;
  }
  const stated = await operator.status(deadlineOf(settings, ANSWER_MILLISECONDS));
  output.result({ status: stated.status });
  for (const line of frame(context, operator, stated)) output.line(line);
}

export async function listeners(context: Context): Promise<void> {
  const operator = await serverOf(context);
  const { output, settings } = context;
  const stated = await operator.status(deadlineOf(settings, ANSWER_MILLISECONDS));
  output.result({ pid: stated.snapshot.pid, listeners: stated.status['listeners'] });
  for (const line of listenerLines(stated.snapshot, output)) output.line(line);
}

/** Until Ctrl-C, through restarts and stops. Only the first look may fail: later ones show what failed. */
async function follow(context: Context, operator: Operator): Promise<void> {
  const { output, settings } = context;
  const { milliseconds } = deadlineOf(settings, ANSWER_MILLISECONDS);
  const interrupted = new AbortController();
  onInterrupt(() => interrupted.abort());
  let seen: Stated | Failure = await operator.status(new Deadline(milliseconds));
  const show = output.json ? jsonLine : output.interactive ? redraw : changes;
  let shown: Shown = { lines: 0, text: '' };
  for (;;) {
    shown = show(context, operator, seen, shown);
    await delay(WATCH_MILLISECONDS, undefined, { signal: interrupted.signal }).catch(() => undefined);
    if (interrupted.signal.aborted) return;
    seen = await look(operator, milliseconds);
  }
}

async function look(operator: Operator, milliseconds: number): Promise<Stated | Failure> {
  try {
    return await operator.status(new Deadline(milliseconds));
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

/** What stands on the screen, or was printed last. */
interface Shown {
  readonly lines: number;
  readonly text: string;
}

type Show = (context: Context, operator: Operator, seen: Stated | Failure, shown: Shown) => Shown;

const jsonLine: Show = ({ output }, _operator, seen, shown) => {
  if (seen instanceof Failure) output.failure(seen);
  else output.result({ at: Date.now(), status: seen.status });
  return shown;
};

const changes: Show = ({ output }, _operator, seen, shown) => {
  const text = seen instanceof Failure ? harmlessLine(seen.message) : changeLine(seen.snapshot);
  if (text !== shown.text) output.line(`${clock(new Date())} ${text}`);
  return { lines: 0, text };
};

/** Over the last frame, cut to the terminal: a line that wraps would be two to go up. */
const redraw: Show = (context, operator, seen, shown) => {
  const rows = process.stdout.rows || 24;
  const lines =
    seen instanceof Failure
      ? [context.output.style('red', harmlessLine(seen.message))]
      : frame(context, operator, seen);
  const frameLines = [...lines, '', context.output.style('dim', `${clock(new Date())}  Ctrl-C ends this`)]
    .slice(0, rows - 1)
    .map((line) => fitted(line, context.output.width - 1));
  const up = shown.lines === 0 ? '' : `\u001b[${shown.lines}A`;
  context.output.raw(`${up}\r\u001b[0J${frameLines.join('\n')}\n`);
  return { lines: frameLines.length, text: '' };
};

function frame({ output }: Context, { controlPath }: Operator, { snapshot }: Stated): string[] {
  return statusLines(snapshot, controlPath, Date.now(), output);
}
