/**
 * Every error the library makes: one class, and one table of codes. A code never changes within a major version; messages may.
 * `docs/errors.md` has one heading per code, and a test compares it with the table.
 */

const meanings = {
  UNINTERRUPTIBLE_CONFIGURATION_INVALID:
    'One or more options are unknown, of the wrong type, or impossible together.',
  UNINTERRUPTIBLE_STATE_INVALID: 'The method cannot be called in the state the server is in.',
  UNINTERRUPTIBLE_RUN_REPEATED: 'run() was called a second time in this process.',
  UNINTERRUPTIBLE_RUN_IN_CLUSTER: 'A server was started in a worker of node:cluster (or pm2 -i).',
  UNINTERRUPTIBLE_RUN_IN_WORKER: 'run() was called in a worker thread.',
  UNINTERRUPTIBLE_LISTENER_ADDRESS_IN_USE: 'Another process listens on the address.',
  UNINTERRUPTIBLE_LISTENER_PATH_NOT_SOCKET:
    'The path of a UNIX listener holds something that is not a socket.',
  UNINTERRUPTIBLE_LISTENER_BIND_FAILED: 'A listener could not be bound to its address.',
  UNINTERRUPTIBLE_LISTENER_UNSUPPORTED:
    'This platform, or this build, cannot make the kind of listener that was asked for.',
  UNINTERRUPTIBLE_HANDOVER_UNAVAILABLE:
    'Listeners cannot change hands here: the platform is not Linux, or the addon could not be loaded.',
  UNINTERRUPTIBLE_HANDOVER_TIMEOUT: 'The other process did not answer in time.',
  UNINTERRUPTIBLE_HANDOVER_CLOSED:
    'The other process closed the control connection before the hand-over was complete.',
  UNINTERRUPTIBLE_HANDOVER_PROTOCOL: 'The other process sent something the protocol does not allow.',
  UNINTERRUPTIBLE_HANDOVER_REFUSED: 'The owner refused the hand-over.',
  UNINTERRUPTIBLE_HANDOVER_NO_COMMON_VERSION: 'The two processes speak no common version of the protocol.',
  UNINTERRUPTIBLE_HANDOVER_CANCELLED: 'The owner cancelled the hand-over.',
  UNINTERRUPTIBLE_HANDOVER_LOST: 'Another process became the owner first.',
  UNINTERRUPTIBLE_HANDOVER_FORBIDDEN: 'The other process belongs to a different user.',
  UNINTERRUPTIBLE_CONTROL_PATH_UNUSABLE: 'The control socket cannot be created at its path.',
  UNINTERRUPTIBLE_CONTROL_PATH_TOO_LONG: 'The control path is longer than a UNIX socket address can be.',
  UNINTERRUPTIBLE_RESTART_COMMAND_NOT_FOUND:
    'The start command, or the directory it runs in, does not exist or cannot be executed.',
  UNINTERRUPTIBLE_RESTART_EXITED: 'The new process exited before it was ready.',
  UNINTERRUPTIBLE_RESTART_TIMEOUT: 'The new process was not ready within readyTimeout.',
  UNINTERRUPTIBLE_ROLLBACK_IMPOSSIBLE: 'No process is left that could take the service back.',
  UNINTERRUPTIBLE_ROLLBACK_FAILED: 'The process before could not take the service back.',
  UNINTERRUPTIBLE_RESTART_FAILED: 'The new version reported that it cannot serve.',
  UNINTERRUPTIBLE_RESTART_SUPERSEDED: 'Another process took over while the restart ran.',
  UNINTERRUPTIBLE_RESTART_AS_PID_1:
    'A process that runs as pid 1 cannot start its own successor: the container would end with it. Run it under `uninterruptible supervise`.',
  UNINTERRUPTIBLE_RESTART_UID_CHANGED:
    'The user of the process changed after it started, so its successor would be refused.',
  UNINTERRUPTIBLE_RESTART_NO_COMMAND: 'A restart was asked for and no startCommand is configured.',
  UNINTERRUPTIBLE_WARM_UP_FAILED: 'warmUp() failed.',
  UNINTERRUPTIBLE_PROBE_FAILED: 'probe() failed.',
  UNINTERRUPTIBLE_CONNECTION_ADDRESS_REFUSED:
    'A client was refused because its address is in none of the allowedNetworks.',
  UNINTERRUPTIBLE_TLS_HANDSHAKE_FAILED: 'A TLS handshake with a client failed.',
  UNINTERRUPTIBLE_TLS_CLIENT_UNVERIFIED: 'A client showed no certificate that the configured CA signed.',
  UNINTERRUPTIBLE_DRAINING: 'The server is draining; the operation is refused or was cut short by that.',
  UNINTERRUPTIBLE_CONNECTION_CLOSED: 'The connection closed before the operation was complete.',
  UNINTERRUPTIBLE_STOPPED: 'The server stopped before the operation was complete.',
  UNINTERRUPTIBLE_PIDFILE_UNWRITABLE: 'The pid file cannot be written.',
  UNINTERRUPTIBLE_OWNERSHIP_TIMEOUT: 'Another process held the turn to become the next owner for too long.',
} as const;

/**
 * A stable, machine-readable reason. Match on this, never on the message. `docs/errors.md` says what each means and what
 * to do about it.
 *
 * @useDeclaredType
 */
export type ErrorCode = keyof typeof meanings;

/** What each code means, in one sentence. */
export const errorMeanings: Readonly<Record<ErrorCode, string>> = Object.freeze(meanings);

/** Whether a code that another process sent is one of ours. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(meanings, code);
}

/** What an error may carry beside its code and message. */
export interface ErrorExtras {
  /** The lower error, kept as it was. */
  cause?: unknown;
  /** Facts a program may want to read: a pid, an exit code, an address. */
  details?: Readonly<Record<string, unknown>>;
}

/** An error made by this library. `code` is stable between major versions, `message` is not. */
export class UninterruptibleError extends Error {
  /** Why. It never changes within a major version. */
  readonly code: ErrorCode;
  /** Facts about this error; which ones, `docs/errors.md` says for each code. */
  declare readonly details?: Readonly<Record<string, unknown>>;

  static {
    // On the prototype, as Node's own errors have it: printed in stack traces, and no own key of each instance.
    Object.defineProperty(this.prototype, 'name', {
      value: 'UninterruptibleError',
      configurable: true,
      writable: true,
    });
  }

  constructor(code: ErrorCode, message: string = errorMeanings[code], extras: ErrorExtras = {}) {
    super(message, 'cause' in extras ? { cause: extras.cause } : undefined);
    this.code = code;
    if (extras.details !== undefined) this.details = Object.freeze({ ...extras.details });
  }
}

/** The error of a method that makes no sense in this state. */
export function wrongState(method: string, state: string, hint = ''): UninterruptibleError {
  return new UninterruptibleError(
    'UNINTERRUPTIBLE_STATE_INVALID',
    `${method}() cannot be called on a server that is ${state}.${hint}`,
  );
}

/** The configuration is unusable. Lists every problem at once; nothing was bound, written or spawned. */
export class ConfigurationError extends UninterruptibleError {
  /** One sentence per problem, each naming the option (or the environment variable) and what it accepts. */
  declare readonly problems: readonly string[];

  static {
    Object.defineProperty(this.prototype, 'name', {
      value: 'ConfigurationError',
      configurable: true,
      writable: true,
    });
  }

  constructor(problems: readonly string[], extras: ErrorExtras = {}) {
    super(
      'UNINTERRUPTIBLE_CONFIGURATION_INVALID',
      problems.length === 1
        ? `Invalid configuration: ${problems[0]}`
        : `Invalid configuration, ${problems.length} problems:\n${problems.map((problem) => `- ${problem}`).join('\n')}`,
      extras,
    );
    // Not enumerable: they stand in the message, and would be printed twice.
    Object.defineProperty(this, 'problems', { value: Object.freeze([...problems]) });
  }
}

/** An error as it travels to the other process or to an operator. */
export interface ErrorDescription {
  /** Ours, a system error's (`EADDRINUSE`), or the name of the error's class; never empty. */
  code: string;
  /** Never empty. */
  message: string;
  /** With the causes appended, as far as the limit allows. Absent when what was thrown is no error. */
  stack?: string;
}

// Cut so that a description fits into one packet of 64 KiB even if JSON writes each character as six bytes.
const longestCode = 100;
const longestMessage = 2_000;
const longestStack = 8_000;
const deepestCause = 8;

/** Describes anything that can be thrown, in bounded size. Never throws, whatever it is given. */
export function describeError(error: unknown): ErrorDescription {
  const description: ErrorDescription = {
    code: cut(codeOf(error), longestCode),
    message: cut(messageOf(error), longestMessage),
  };
  const stack = stackOf(error, deepestCause);
  if (stack !== '') description.stack = cut(stack, longestStack);
  return description;
}

function codeOf(error: unknown): string {
  return textOf(read(error, 'code')) || textOf(read(error, 'name')) || 'UNKNOWN';
}

function messageOf(error: unknown): string {
  const message = textOf(read(error, 'message'));
  if (message !== '') return message;
  // An AggregateError of a failed connect has no message of its own.
  const errors = read(error, 'errors');
  if (Array.isArray(errors) && errors.length > 0) {
    return errors
      .slice(0, deepestCause)
      .map((each) => textOf(read(each, 'message')) || print(each))
      .join('; ');
  }
  return print(error);
}

function stackOf(error: unknown, depth: number): string {
  const stack = textOf(read(error, 'stack'));
  const cause = read(error, 'cause');
  if (stack === '' || cause === undefined || depth === 0) return stack;
  return `${stack}\nCaused by: ${stackOf(cause, depth - 1) || print(cause)}`;
}

/** A property of something unknown, whose getter may throw. */
function read(value: unknown, key: string): unknown {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return undefined;
  try {
    return (value as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function print(value: unknown): string {
  try {
    return String(value) || 'an empty string was thrown';
  } catch {
    return 'something without a text form was thrown';
  }
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
