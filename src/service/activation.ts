/** Socket activation: the service manager made the listening sockets, and a cold start finds them among its descriptors. */
import type { Binding } from '../binding.js';
import { PassedSockets } from '../listeners/passed-sockets.js';
import { currentEnvironment, passedToParent } from '../process/environment.js';
import type { Service } from './service.js';

export function passedSockets({ options, log }: Service, binding: Binding): PassedSockets {
  if (options.mode === 'run' && passedToParent(currentEnvironment())) {
    log.warn('the service manager passed sockets to the process that started this one: let that exec it', {
      parent: process.ppid,
    });
  }
  return new PassedSockets(binding, options.passed ?? []);
}

/** Nobody can use them here: the address that they have will be in use. */
export function warnOfUnusable({ options, log }: Service): void {
  const sockets = (options.passed ?? []).map(({ name }) => name);
  if (sockets.length === 0) return;
  log.warn('sockets of the service manager cannot be used where there are no hand-overs', { sockets });
}

/** Somebody listens there, and nobody accepts: clients would wait for ever. */
export function warnOfUnfit({ log }: Service, passed: PassedSockets): void {
  const { unclaimed } = passed;
  if (unclaimed.length === 0) return;
  log.warn('sockets of the service manager fit no listener and are closed', { sockets: unclaimed });
}
