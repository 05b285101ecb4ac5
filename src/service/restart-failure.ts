/** Why a restart failed, said as well as it can be known: by its error, by how the new process ended, and by its last words. */
import type { ListenerInfo } from '../connections/connection.js';
import { UninterruptibleError } from '../errors.js';
import type { Exit } from '../process/child.js';
import type { StartedProcess } from '../process/spawn.js';

/** What the last words of a process that has exited may take to arrive. */
const LAST_WORDS_MILLISECONDS = 500;
/** Failures after which a child is still there and does not know that it is not wanted. */
const ENDED_BY_US: ReadonlySet<string> = new Set([
  'UNINTERRUPTIBLE_HANDOVER_TIMEOUT',
  'UNINTERRUPTIBLE_RESTART_TIMEOUT',
  'UNINTERRUPTIBLE_RESTART_SUPERSEDED',
  'UNINTERRUPTIBLE_STOPPED',
]);
/** The shell's own verdicts: found but not executable, not found. */
const SHELL_VERDICTS = new Set([126, 127]);
const ADDRESS_IN_USE = /ADDRESS_IN_USE|EADDRINUSE|address already in use/;
/** Of one that did not know that it has a predecessor, which listens there. */
const NOT_CONNECTED = 'It did not connect: does startCommand clear the environment (sudo, env -i)?';
/** Of one that listens on something beside, which the process before still does. */
const NO_LISTENER = 'What is in use is none of the listeners, and only these change hands: give it to bind.';

export interface FailedRestart {
  /** undefined: none could be started. */
  readonly child: StartedProcess | undefined;
  /** Whether it had connected. */
  readonly takenOver: boolean;
  readonly readyTimeout: number;
  readonly listeners: readonly ListenerInfo[];
}

/** Ends the child and adds what it said last to the error. */
export async function explained(
  thrown: Error,
  { child, takenOver, readyTimeout, listeners }: FailedRestart,
): Promise<UninterruptibleError> {
  let error =
    thrown instanceof UninterruptibleError
      ? thrown
      : new UninterruptibleError('UNINTERRUPTIBLE_RESTART_FAILED', thrown.message, { cause: thrown });
  if (child === undefined) return error;
  // Whoever has failed is about to leave, and says why: a signal now would cut that short.
  const leaves = !ENDED_BY_US.has(error.code);
  const exit = leaves ? await exitWithin(child, LAST_WORDS_MILLISECONDS) : undefined;
  await child.end();
  await child.lastWords.complete(LAST_WORDS_MILLISECONDS);
  const lastWords = child.lastWords.text;
  child.lastWords.close();
  // The end of the connection is how its death was seen first; what it died of is the better answer.
  const died = error.code === 'UNINTERRUPTIBLE_HANDOVER_CLOSED';
  if (died && exit !== undefined) error = exitedEarly(exit);
  if (error.details?.['awaited'] === 'ready') error = notReady(readyTimeout, true);
  const cause = error.cause ?? (thrown === error ? undefined : thrown);
  const details: Record<string, unknown> = { ...error.details, pid: child.pid, lastWords };
  // Uncaught, it was printed as well.
  const { stack } = details;
  const isPrinted = typeof stack === 'string' && lastWords.includes(stack.split('\nCaused by: ')[0] ?? '');
  if (isPrinted) delete details['stack'];
  const isLost = error.code === 'UNINTERRUPTIBLE_RESTART_EXITED' && !takenOver;
  const advice = isLost ? adviceOn(lastWords, listeners) : '';
  return new UninterruptibleError(error.code, `${error.message}${advice}`, {
    ...(cause === undefined ? {} : { cause }),
    details,
  });
}

function adviceOn(lastWords: string, listeners: readonly ListenerInfo[]): string {
  if (!ADDRESS_IN_USE.test(lastWords)) return '';
  const isNamed = ({ kind, address, port }: ListenerInfo): boolean =>
    kind === 'tcp' ? new RegExp(`:${port}\\b`).test(lastWords) : lastWords.includes(address);
  return ` ${listeners.some(isNamed) ? NOT_CONNECTED : NO_LISTENER}`;
}

async function exitWithin(child: StartedProcess, milliseconds: number): Promise<Exit | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds);
  });
  const exit = await Promise.race([child.exited, late]);
  clearTimeout(timer);
  return exit;
}

/** With the command and its directory if it never connected. */
export function exitedEarly(
  { code, signal }: Exit,
  command?: string | readonly string[],
  directory?: string,
): UninterruptibleError {
  const notFound = typeof command === 'string' && code !== null && SHELL_VERDICTS.has(code);
  const verdict =
    code === 127
      ? 'not found; a command is looked for in node_modules/.bin there, then in PATH'
      : 'not executable';
  const known = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
  const how = code === null && signal === null ? 'ended' : known;
  const why = code === 0 ? ': it never called run(), or went into the background' : '';
  return new UninterruptibleError(
    notFound ? 'UNINTERRUPTIBLE_RESTART_COMMAND_NOT_FOUND' : 'UNINTERRUPTIBLE_RESTART_EXITED',
    notFound
      ? `"${command}" could not be started in ${directory}: the shell says ${verdict}.`
      : `The new process ${how} before it was ready${why}.`,
    { details: { exitCode: code, signal } },
  );
}

/** `takenOver`: it has the listeners. */
export function notReady(readyTimeout: number, takenOver = false): UninterruptibleError {
  const where = takenOver
    ? 'it has the listeners, and is still in warmUp() or probe()'
    : 'it has not come to ask for the listeners, which run() does';
  return new UninterruptibleError(
    'UNINTERRUPTIBLE_RESTART_TIMEOUT',
    `The new process was not ready within ${readyTimeout} ms (readyTimeout): ${where}.`,
  );
}
