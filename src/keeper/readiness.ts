/** When a program that knows nothing of us is ready: it has lived for a while, a check has passed, and it has broken nothing. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Descriptor } from '../binding.js';
import { runCheck } from '../process/check.js';
import { currentEnvironment } from '../process/environment.js';
import type { WatchedProcess } from '../process/watched-process.js';

/** Between two checks. */
const AGAIN_MILLISECONDS = 250;
const LOOK_MILLISECONDS = 50;

export interface Demands {
  readyAfter: number | null;
  check: string | null;
  /** Milliseconds for the delay and the check. */
  timeout: number;
}

/** Rejects with what went wrong, in a sentence. */
export async function becomeReady(
  program: WatchedProcess,
  demands: Demands,
  shared: readonly Descriptor[],
): Promise<void> {
  const over = new AbortController();
  const died = program.gone.then(() => {
    throw new Error('The program ended before it was ready.');
  });
  try {
    await Promise.race([died, waitFor(program, demands, over.signal), staysNonBlocking(shared, over.signal)]);
    // The version before accepts until it hears of this.
    refuseBlocking(shared);
  } finally {
    over.abort();
  }
}

async function waitFor(
  program: WatchedProcess,
  { readyAfter, check, timeout }: Demands,
  over: AbortSignal,
): Promise<void> {
  // What the delay takes is gone for the check.
  const late = AbortSignal.timeout(timeout);
  if (readyAfter !== null) await delay(readyAfter, undefined, { signal: over });
  if (check === null) return;
  const signal = AbortSignal.any([over, late]);
  const environment = { ...currentEnvironment(), COMMAND_PID: String(program.pid) };
  let why = 'there was no time left to ask it.';
  while (!signal.aborted) {
    const { passed, reason } = await runCheck(check, environment, signal);
    if (passed) return;
    why = reason;
    await delay(AGAIN_MILLISECONDS, undefined, { signal }).catch(() => undefined);
  }
  throw new Error(`The check did not pass in time: ${why}`);
}

/** Rejects when the program makes a socket blocking. */
async function staysNonBlocking(shared: readonly Descriptor[], over: AbortSignal): Promise<never> {
  for (;;) {
    await delay(LOOK_MILLISECONDS, undefined, { signal: over });
    refuseBlocking(shared);
  }
}

/**
 * Throws if a socket is blocking, and undoes it. The flag belongs to all who share the socket, and a server in Node would
 * stand still in accept(2) as soon as another was faster.
 */
function refuseBlocking(shared: readonly Descriptor[]): void {
  const blocking = shared.filter((descriptor) => !descriptor.isNonBlocking());
  for (const descriptor of blocking) descriptor.setNonBlocking(true);
  if (blocking.length > 0) {
    throw new Error(
      'The program made the listening sockets blocking, for the version before as well, which shares them: it must take non-blocking ones.',
    );
  }
}
