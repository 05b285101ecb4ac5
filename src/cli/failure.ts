/** Why a command did not do what it was asked for: one exit code, one code for programs, one sentence for people. */
import type { ExitCode } from './exit-codes.js';

export class Failure extends Error {
  readonly exitCode: ExitCode;
  /** One of `docs/cli.md`, or the code of the server's own error. */
  readonly code: string;
  /** What a program may want to know beside that. */
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(exitCode: ExitCode, code: string, message: string, facts: Record<string, unknown> = {}) {
    super(message);
    this.exitCode = exitCode;
    this.code = code;
    this.facts = facts;
  }
}
