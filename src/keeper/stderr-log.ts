/** A log on the stderr that is the program's as well: one plain line each, and only what an operator should know. */
import type { Logger, LogMethod } from '../configuration.js';

/** Who writes is said in front, and an error behind. */
const HIDDEN: ReadonlySet<string> = new Set(['err', 'generation', 'pid']);

export interface StderrLogOptions {
  /** Steps as well. */
  verbose: boolean;
  /** Whether somebody else tells what fails. */
  isToldElsewhere: () => boolean;
}

export function stderrLog({ verbose, isToldElsewhere }: StderrLogOptions): Logger & {
  isLevelEnabled: () => boolean;
} {
  const unless =
    (isSilent: () => boolean): LogMethod =>
    (facts: object | string, message?: string) => {
      if (isSilent()) return;
      process.stderr.write(typeof facts === 'string' ? lineOf({}, facts) : lineOf(facts, message));
    };
  return {
    isLevelEnabled: () => false,
    debug: unless(() => true),
    info: unless(() => !verbose),
    warn: unless(() => false),
    error: unless(() => !verbose && isToldElsewhere()),
  };
}

function lineOf(facts: object, message = ''): string {
  const { err } = facts as { err?: unknown };
  const details = Object.entries(facts)
    .filter(([name, value]) => value !== undefined && !HIDDEN.has(name))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const why = err === undefined ? '' : `: ${err instanceof Error ? err.message : JSON.stringify(err)}`;
  const behind = details.length === 0 ? '' : ` (${details.join(', ')})`;
  return `uninterruptible exec: ${message}${why}${behind}\n`;
}
