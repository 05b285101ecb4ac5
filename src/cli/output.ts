/** Where a command says what it does: text for people, with colours on a terminal only; or one JSON object for programs. */
import { styleText } from 'node:util';
import type { Environment } from '../process/environment.js';
import { harmless } from '../process/harmless.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import type { Failure } from './failure.js';
import { lastLines } from './text.js';

/** Enough for a stack trace; the end is what says why. */
const MOST_LINES = 20;

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

export class Output {
  readonly json: boolean;
  /** Whether a person looks at stdout: lines may be drawn again. */
  readonly interactive: boolean;
  readonly #colours: boolean;

  constructor(json: boolean, environment: Environment) {
    this.json = json;
    this.interactive = process.stdout.isTTY && !json && environment['TERM'] !== 'dumb';
    this.#colours = this.interactive && !environment['NO_COLOR'];
  }

  /** How many columns a line may have now: a terminal may be resized. */
  get width(): number {
    // One that was never told its size has none.
    return this.interactive ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY;
  }

  style(style: Style, text: string): string {
    return this.#colours ? styleText(style, text, { validateStream: false }) : text;
  }

  /** What people asked for. Programs get `result` instead. */
  line(text = ''): void {
    if (!this.json) process.stdout.write(`${text}\n`);
  }

  /** As it is, to draw with. */
  raw(text: string): void {
    process.stdout.write(text);
  }

  /** The outcome, for programs. */
  result(facts: Readonly<Record<string, unknown>>): void {
    if (this.json) this.#object({ ok: true, exitCode: EXIT.done, ...facts });
  }

  /** What failed, for both. Returns the exit code. */
  failure({ exitCode, code, message, facts }: Failure): ExitCode {
    const { lastWords, checks, ...others } = facts;
    if (this.json) {
      const error = { code, message, ...others, ...(lastWords === undefined ? {} : { lastWords }) };
      this.#object({ ok: false, exitCode, error, ...(checks === undefined ? {} : { checks }) });
      return exitCode;
    }
    // Paths stand in it, which whoever runs a server may have chosen for root's terminal.
    const lines = [`uninterruptible: ${harmless(message)}`];
    if (typeof lastWords === 'string' && lastWords.trim() !== '') {
      lines.push('What the new process wrote last:');
      lines.push(...lastLines(lastWords, MOST_LINES).map((line) => `  | ${line}`));
    }
    process.stderr.write(lines.map((line) => `${line}\n`).join(''));
    return exitCode;
  }

  #object(object: Readonly<Record<string, unknown>>): void {
    process.stdout.write(`${JSON.stringify(object)}\n`);
  }
}
