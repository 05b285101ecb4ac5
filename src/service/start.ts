/** How a process starts: with its listeners and a hand-over, or, where there can be none, with its listeners alone. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Binding } from '../binding.js';
import { UninterruptibleError } from '../errors.js';
import type { PassedSockets } from '../listeners/passed-sockets.js';
import { passedSockets, warnOfUnusable } from './activation.js';
import { becomeOwner } from './become-owner.js';
import { type Home, homeOf } from './home.js';
import type { Service } from './service.js';
import { startAlone } from './start-alone.js';

/** Failures that only mean that somebody else was faster; who came by itself may try again. */
const RACES: ReadonlySet<string> = new Set([
  'UNINTERRUPTIBLE_HANDOVER_LOST',
  'UNINTERRUPTIBLE_HANDOVER_CLOSED',
]);

/** Milliseconds before another attempt, each time twice as many: an owner may keep what it gives away. */
const FIRST_PAUSE = 10;
const LONGEST_PAUSE = 1_000;

export async function start(service: Service): Promise<void> {
  const { binding } = service;
  refuseSuccessorWithoutAddon(service);
  const home = binding && homeOf(service, binding);
  if (binding === undefined || home === undefined) {
    warnOfUnusable(service);
    await startAlone(service);
    return;
  }
  const passed = passedSockets(service, binding);
  try {
    await competeForOwnership(service, binding, home, passed);
  } finally {
    passed.close();
  }
}

/** Until this process is the owner, or cannot be. */
async function competeForOwnership(
  service: Service,
  binding: Binding,
  home: Home,
  passed: PassedSockets,
): Promise<void> {
  const deadline = performance.now() + service.configuration.readyTimeout;
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    try {
      await becomeOwner(service, binding, home, passed, deadline - performance.now());
      return;
    } catch (error) {
      const mayRetry =
        service.options.inherited === undefined &&
        error instanceof UninterruptibleError &&
        RACES.has(error.code) &&
        performance.now() + pause < deadline;
      if (!mayRetry) throw error;
      service.log.info('another process was faster, trying again', { err: error });
      if (service.lifecycle.is('taking-over')) service.lifecycle.to('starting');
      const { signal } = service.stopping;
      await delay(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

/** It would serve beside its predecessor, with its pid file. */
function refuseSuccessorWithoutAddon({
  binding,
  options,
  unavailable,
  unavailableCause: cause,
}: Service): void {
  if (options.inherited === undefined || binding !== undefined) return;
  throw new UninterruptibleError(
    'UNINTERRUPTIBLE_HANDOVER_UNAVAILABLE',
    `This process was started to take over, and cannot: ${unavailable}.`,
    cause === undefined ? {} : { cause },
  );
}
