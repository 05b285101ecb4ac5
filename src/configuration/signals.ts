/** Which signals may mean "restart". */
import { constants } from 'node:os';
import { type Given, type Problems, print } from './given.js';
import { nearest } from './nearest.js';

/** Ours already, or nobody's. By name, because a platform may lack some. */
const TAKEN: Readonly<Record<string, string>> = {
  SIGTERM: 'it stops the server',
  SIGINT: 'it stops the server',
  SIGKILL: 'no process can handle it',
  SIGSTOP: 'no process can handle it',
};

/** What the kernel, a terminal or Node itself sends for reasons of its own (signal(7), Node's "Signal events"). */
const SENT_BY_OTHERS: readonly string[] = [
  'SIGABRT',
  'SIGBUS',
  'SIGCHLD',
  'SIGCONT',
  'SIGFPE',
  'SIGILL',
  'SIGPIPE',
  'SIGPROF',
  'SIGSEGV',
  'SIGSYS',
  'SIGTRAP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGWINCH',
  'SIGXCPU',
  'SIGXFSZ',
];

const PREFIX = 'SIG';

const numbers: Readonly<Record<string, number | undefined>> = constants.signals;

/** The signal, null for none, or undefined with a problem added. */
export function readRestartSignal(
  given: Given,
  logPath: string | null,
  problems: Problems,
): NodeJS.Signals | null | undefined {
  const { label, value } = given;
  if (value === null) return null;
  const number = typeof value === 'string' && Object.hasOwn(numbers, value) ? numbers[value] : undefined;
  if (typeof value !== 'string' || number === undefined) {
    const names = Object.keys(numbers).map((name) => name.slice(PREFIX.length));
    const proposal = typeof value === 'string' ? nearest(value.replace(/^SIG/i, ''), names) : undefined;
    const hint = proposal === undefined ? '.' : `; did you mean ${PREFIX}${proposal}?`;
    problems.add(
      `${label} must be the name of a signal of this platform, such as SIGUSR1, or null, not ${print(value)}${hint}`,
    );
    return undefined;
  }
  const reason = whyNot(number, logPath);
  if (reason === undefined) return value as NodeJS.Signals;
  problems.add(`${label} cannot be ${value}: ${reason}; SIGUSR1, SIGUSR2 or null would do.`);
  return undefined;
}

/** Compared as numbers, because signals have several names (SIGABRT is SIGIOT). */
function whyNot(number: number, logPath: string | null): string | undefined {
  for (const [name, reason] of Object.entries(TAKEN)) {
    if (numbers[name] === number) return reason;
  }
  if (logPath !== null && numbers['SIGHUP'] === number) return 'it reopens the file at logPath';
  if (SENT_BY_OTHERS.some((name) => numbers[name] === number)) {
    return 'the system sends it for reasons of its own';
  }
  return undefined;
}

/** The default, where the platform has it. */
export function signalIfKnown(signal: NodeJS.Signals): NodeJS.Signals | null {
  return Object.hasOwn(numbers, signal) ? signal : null;
}
