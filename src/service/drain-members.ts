/** Drains every server of the process, and tells the program and the log about it. */
import { setTimeout as delay } from 'node:timers/promises';
import { drain } from '../drain/drain.js';
import { runHooks } from './hooks.js';
import type { Service } from './service.js';

/**
 * Resolves with how many connections the deadline cut, or null when `signal` gave the drain up. `onDrain` runs beside it:
 * neither the connections' signals nor the deadline wait for the program.
 */
export async function drainMembers(
  service: Service,
  signal: AbortSignal,
  onProgress: (connections: number) => void = () => undefined,
): Promise<number | null> {
  const { members, configuration, log } = service;
  const { drainTimeout } = configuration;
  const startedAt = performance.now();
  log.info('draining', { connections: service.active });
  const announced = runHooks(service, (member) => member.onDrain());
  service.drainAnnounced = announced;
  const cut = await drain(
    members.map((member) => member.tracker),
    {
      deadline: drainTimeout,
      signal,
      onProgress: (connections) => {
        log.info('draining', { connections });
        onProgress(connections);
      },
      onLongWait: (connections) => log.warn('still draining; drainTimeout is not set', { connections }),
    },
  );
  if (cut === null) return null;
  const left = drainTimeout === null ? null : startedAt + drainTimeout - performance.now();
  await (left === null ? announced : Promise.race([announced, delay(Math.max(0, left))]));
  if (signal.aborted) return null;
  if (cut > 0) log.warn('the drain deadline cut connections', { cut });
  else log.info('drained', { milliseconds: Math.round(performance.now() - startedAt) });
  return cut;
}
