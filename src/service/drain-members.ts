/** Drains every server of the process, and tells the program and the log about it. */
import { setTimeout as delay } from 'node:timers/promises';
import { drain } from '../drain/drain.js';
import { observe } from '../metrics/durations.js';
import { runHooks } from './hooks.js';
import type { Service } from './service.js';

/** Whoever ordered a stop waits for it; for a process that gave the service away nobody does. */
const PATIENCE_MILLISECONDS = { stopping: 10_000, leaving: 3_600_000 };

/**
 * Resolves with how many connections the deadline cut, or null when `signal` gave the drain up. `onDrain` runs beside it:
 * neither the connections' signals nor the deadline wait for the program.
 */
export async function drainMembers(
  service: Service,
  signal: AbortSignal,
  onProgress: () => void = () => undefined,
): Promise<number | null> {
  const { members, configuration, log } = service;
  const { drainTimeout } = configuration;
  service.timeline.begin('drain');
  const tell = (): void => {
    service.step('draining', { connections: service.active, busy: service.active - service.idle });
    onProgress();
  };
  tell();
  const announced = runHooks(service, 'onDrain');
  service.drainAnnounced = announced;
  const cut = await drain(
    members.map((member) => member.tracker),
    {
      deadline: drainTimeout,
      hurry: service.hurried,
      signal,
      onProgress: tell,
      patience: PATIENCE_MILLISECONDS[service.lifecycle.is('stopping') ? 'stopping' : 'leaving'],
      onLongWait: (connections) => warnOfLongWait(service, connections),
    },
  );
  if (cut === null) return null;
  const milliseconds = service.timeline.elapsed('drain');
  service.ledger.count('connections_cut', cut);
  observe(service.ledger, 'drain', milliseconds);
  service.trace('drained', { cut });
  const left = drainTimeout === null ? null : drainTimeout - milliseconds;
  await (left === null ? announced : Promise.race([announced, delay(Math.max(0, left))]));
  if (signal.aborted) return null;
  if (cut > 0) log.warn('the drain deadline cut connections', { cut });
  else log.info('drained', { milliseconds: Math.round(service.timeline.elapsed('drain')) });
  return cut;
}

/** Names who is waited for: a handler that is stuck has nobody else who would. */
function warnOfLongWait({ members, configuration, log, stopCalled }: Service, connections: number): void {
  const question = stopCalled ? '; did the handler of the oldest connection await stop()?' : '';
  const endless = configuration.drainTimeout === null ? '; drainTimeout is not set' : '';
  const oldest = members.flatMap(({ tracker }) => tracker.oldest ?? []);
  log.warn(`still draining${question || endless}`, {
    connections,
    oldest: oldest.map(({ id, listener }) => ({ connection: id, listener: listener.name })),
  });
}
