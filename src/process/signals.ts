/**
 * Signals become intents. The handlers are never removed: with none the default action kills, and Node would give
 * SIGUSR1 back to its inspector. So they are installed once per process and point at whoever runs.
 */
import { constants } from 'node:os';
import type { Binding } from '../binding.js';

/** Wrappers and process groups deliver one order twice, a few milliseconds apart (measured). */
const SAME_ORDER_MILLISECONDS = 80;

/** What a supervisor passes on to the process that it supervises. Those that stop come first. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;
const PASSED_ON: readonly NodeJS.Signals[] = [
  ...STOP_SIGNALS,
  'SIGHUP',
  'SIGUSR1',
  'SIGUSR2',
  'SIGWINCH',
  'SIGALRM',
  'SIGPWR',
];

/** Whether it asks a process to end, and ends one that has no handler yet, as it should. */
export function isStopSignal(signal: NodeJS.Signals): boolean {
  return (STOP_SIGNALS as readonly string[]).includes(signal);
}

/** For a supervisor, until the end of the process. `onChild` is called when a child may have ended. */
export function watchSignals(
  binding: Binding,
  onSignal: (signal: NodeJS.Signals) => void,
  onChild: () => void,
): void {
  for (const signal of PASSED_ON) {
    process.on(signal, () => onSignal(signal));
    // As below.
    binding.unblockSignal(constants.signals[signal]);
  }
  process.on('SIGCHLD', onChild);
}

export interface Intents {
  restart: () => void;
  /** `again` is a second, separate order while the first is carried out. */
  stop: (signal: NodeJS.Signals, again: boolean) => void;
  hangUp: () => void;
}

export function installSignals(
  intents: Intents,
  restartSignal: NodeJS.Signals | null,
  binding: Binding | undefined,
): void {
  if (restartSignal !== null) {
    process.on(restartSignal, () => intents.restart());
    // Under --disable-sigusr1 Node leaves it blocked, and the handler would never run (measured).
    binding?.unblockSignal(constants.signals[restartSignal]);
  }
  let first: number | undefined;
  const onStop = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    if (first !== undefined && now - first < SAME_ORDER_MILLISECONDS) return;
    const again = first !== undefined;
    first ??= now;
    intents.stop(signal, again);
  };
  process.on('SIGTERM', onStop);
  process.on('SIGINT', onStop);
  // Always: without a handler it would kill, and it comes from whoever rotates logs or closes a terminal.
  if (restartSignal !== 'SIGHUP') process.on('SIGHUP', () => intents.hangUp());
}

/** For a command that a person ends with Ctrl-C: once; a second one kills as ever. */
export function onInterrupt(handler: () => void): void {
  process.once('SIGINT', handler);
}
