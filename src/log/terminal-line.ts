/** A log line for people: time, level, message, and the facts behind it. Pure. */
import { harmless, harmlessLine } from '../process/harmless.js';

const LEVELS: Record<number, { word: string; colour: string }> = {
  10: { word: 'trace', colour: '90' },
  20: { word: 'debug', colour: '90' },
  30: { word: 'info ', colour: '32' },
  40: { word: 'warn ', colour: '33' },
  50: { word: 'error', colour: '31' },
  60: { word: 'fatal', colour: '31' },
};

/** Turns one line of pino's JSON into one plain line; an error's stack follows on lines of its own. */
export function terminalLine(json: string, colours: boolean): string {
  const { level, time, msg, pid, generation, err, ...facts } = JSON.parse(json) as Record<string, unknown>;
  const paint = (text: string, colour: string): string => (colours ? `\x1b[${colour}m${text}\x1b[0m` : text);
  const { word, colour } = LEVELS[level as number] ?? { word: String(level), colour: '0' };
  const clock = String(time).slice(11, 23);
  const details = Object.entries(facts).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const code = isErrorLike(err) && typeof err.code === 'string' ? ` [${err.code}]` : '';
  const said = harmlessLine(`${String(msg)}${code}`);
  const head = `${paint(clock, '90')} ${paint(word, colour)} [${String(pid)} #${String(generation)}] ${said}`;
  // Anything can be thrown, also what is no error.
  if (err !== undefined && !isErrorLike(err)) details.push(`err=${JSON.stringify(err)}`);
  const stack = isErrorLike(err) ? `\n${indent(harmless(stackOf(err)))}` : '';
  return `${[head, ...details.map(harmlessLine)].join(' ')}${stack}\n`;
}

interface ErrorLike {
  code?: unknown;
  stack?: string;
  message?: string;
  cause?: unknown;
}

function stackOf(error: ErrorLike): string {
  const { stack, message = '', cause } = error;
  const own = isOurs(error) && message !== '' ? message : (stack ?? message);
  return isErrorLike(cause) ? `${own}\ncaused by: ${stackOf(cause)}` : own;
}

/** Where in this library an error was made helps nobody; who called a method too early or too late is in the stack. */
function isOurs({ code }: ErrorLike): boolean {
  return (
    typeof code === 'string' &&
    code.startsWith('UNINTERRUPTIBLE_') &&
    code !== 'UNINTERRUPTIBLE_STATE_INVALID'
  );
}

function isErrorLike(value: unknown): value is ErrorLike {
  return typeof value === 'object' && value !== null;
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}
