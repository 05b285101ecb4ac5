/** The program's own part of getting ready: whatever its connections need, its warm-ups, then its probes. */
import { warmUp } from './hooks.js';
import { runProbes } from './probe.js';
import type { Service } from './service.js';

/** Rejects with WARM_UP_FAILED or PROBE_FAILED, the program's own error as cause, or with the signal's reason. */
export async function prepareMembers(service: Service, signal: AbortSignal): Promise<void> {
  const { secrets, members } = service;
  if (secrets === undefined) return;
  const cancelled = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  const work = async (): Promise<void> => {
    for (const member of members) member.prepare(secrets);
    await warmUp(members);
    await runProbes(service, signal);
  };
  signal.throwIfAborted();
  await Promise.race([work(), cancelled]);
}
