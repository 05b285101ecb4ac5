/** Puts right what a cleaner removed or a successor that failed renamed. */
import { attempt } from './attempt.js';
import type { Service } from './service.js';

/** Control path and pid file lead to this process again. Byte 0 holders only. */
export function repair(service: Service): void {
  const { seat, pidFile } = service;
  attempt(service, 'the control path could not be put right', () => seat?.repair(service.greet));
  attempt(service, 'the pid file could not be put right', () => {
    if (pidFile === undefined || pidFile.ours) return;
    pidFile.prepare();
    pidFile.publish();
  });
}
