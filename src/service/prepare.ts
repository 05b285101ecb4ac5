/** The program's own part of getting ready: whatever its connections need, its warm-ups, then its probes. */
import { UninterruptibleError } from '../errors.js';
import { warmUp } from './hooks.js';
import { runProbes } from './probe.js';
import type { Service } from './service.js';

/**
 * Rejects with WARM_UP_FAILED or PROBE_FAILED, the program's own error as cause; with HANDOVER_TIMEOUT at the deadline (on
 * the monotonic clock), because everybody else waits for whoever prepares; or with the signal's reason.
 */
export async function prepareMembers(service: Service, signal: AbortSignal, deadline: number): Promise<void> {
  const { secrets, members, configuration } = service;
  if (secrets === undefined) return;
  signal.throwIfAborted();
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(tooLate(configuration.readyTimeout)),
    Math.max(1, deadline - performance.now()),
  );
  const ended = AbortSignal.any([signal, late.signal]);
  const cancelled = new Promise<never>((_resolve, reject) => {
    ended.addEventListener('abort', () => reject(ended.reason as Error), { once: true });
  });
  const work = async (): Promise<void> => {
    for (const member of members) member.prepare(secrets);
    await warmUp(service);
    await runProbes(service, ended);
  };
  try {
    await Promise.race([work(), cancelled]);
  } finally {
    clearTimeout(timer);
  }
}

function tooLate(readyTimeout: number): UninterruptibleError {
  return new UninterruptibleError(
    'UNINTERRUPTIBLE_HANDOVER_TIMEOUT',
    `warmUp() and probe() were not done within the readyTimeout of ${readyTimeout} ms.`,
  );
}
