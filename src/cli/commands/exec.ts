/** `exec -- COMMAND [ARG…]`: takes the listening sockets of the server there over, and becomes COMMAND. */
import { basename, resolve } from 'node:path';
import { ConfigurationError } from '../../errors.js';
import { ExecFailure, exec as execute } from '../../exec/exec.js';
import { parseListenAddress } from '../../listeners/address.js';
import { findProgram } from '../../process/program-file.js';
import type { Context } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { deadlineOf, readDelay } from '../settings.js';

/** As commander hands them over. */
export interface ExecOptions {
  readonly bind?: readonly string[];
  readonly readyAfter?: string;
  readonly check?: string;
  readonly drainTimeout?: string;
  readonly startCommand?: string;
  readonly verbose?: boolean;
}

const READY_MILLISECONDS = 60_000;
/** Where nothing says when it is ready, what dies at once is noticed at least. */
const READY_AFTER_MILLISECONDS = 1_000;
/** What service managers allow. A program that does not heed TERM would accept beside its successor for ever. */
const DRAIN_MILLISECONDS = 90_000;

/** Resolves only if COMMAND cannot be run, with the exit code of a shell. */
export async function exec(
  { binding, environment, settings }: Context,
  options: ExecOptions,
  command: readonly string[],
  stdio: ReadonlySet<number>,
): Promise<number> {
  const [name = ''] = command;
  const { bind = [], check = null, startCommand = null, verbose = false } = options;
  const control = settings.control ?? environment['CONTROL_PATH'];
  if (!control && !environment['UNINTERRUPTIBLE_TOKEN']) {
    throw new Failure(EXIT.usage, 'usage', 'exec needs to know where: give --control, or set CONTROL_PATH.');
  }
  if (environment['UNINTERRUPTIBLE_CONTROL_DESCRIPTORS']) {
    throw new Failure(
      EXIT.refused,
      'no-control-path',
      'The server that started this command has no control path, and exec needs one. Set controlPath there.',
    );
  }
  const pidfile = settings.pidfile ?? environment['PID_FILE'];
  const readyAfter = delayOf(
    '--ready-after',
    options.readyAfter,
    check === null ? READY_AFTER_MILLISECONDS : 0,
  );
  const { milliseconds: timeout } = deadlineOf(settings, READY_MILLISECONDS);
  if (readyAfter >= timeout) {
    throw new Failure(EXIT.usage, 'usage', '--ready-after must be shorter than --timeout (60s by default).');
  }
  const drainTimeout = delayOf('--drain-timeout', options.drainTimeout, DRAIN_MILLISECONDS);
  for (const address of bind) checkAddress(address);
  let path: string;
  try {
    path = findProgram(name, environment['PATH']);
  } catch (error) {
    const { message, exitCode } = error as Error & { exitCode: number };
    process.stderr.write(`uninterruptible exec: ${message}\n`);
    return exitCode;
  }
  try {
    return await execute({
      binding,
      path,
      words: command,
      stdio,
      program: basename(name),
      controlPath: control ? resolve(control) : null,
      pidfilePath: pidfile ? resolve(pidfile) : null,
      bind: [...bind],
      readyAfter,
      check,
      timeout,
      drainTimeout,
      startCommand,
      verbose,
    });
  } catch (error) {
    if (!(error instanceof ExecFailure)) throw error;
    throw new Failure(error.exitCode as ExitCode, error.code, error.message);
  }
}

function delayOf(label: string, value: string | undefined, otherwise: number): number {
  return value === undefined ? otherwise : readDelay(label, value);
}

function checkAddress(address: string): void {
  try {
    parseListenAddress(address);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new Failure(EXIT.usage, 'usage', `--bind: ${error.problems.join(' ')}`);
  }
}
