import type { Ready } from '../handover/protocol.js';
import type { Inheritance } from '../listeners/listener-set.js';
import type { Seat } from './seat.js';
import type { Service } from './service.js';

/** What a successor tells its predecessor when it could serve: what it uses, and where it will be found. */
export function readyMessage(
  { configuration, options }: Service,
  seat: Seat,
  { unclaimed }: Inheritance,
): Ready {
  return {
    type: 'ready',
    unclaimed,
    controlPath: seat.path,
    pidfilePath: configuration.pidfilePath,
    ...(options.serving && { serving: options.serving.pid }),
  };
}
