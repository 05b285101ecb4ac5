/** What the supervised service says, passed on to whoever supervises us, in whose eyes this process is the main one. */
import type { Binding } from '../binding.js';
import { type Environment, readSupervisor } from '../process/environment.js';
import { ServiceManager } from '../process/service-manager.js';

/** What is said of the service. What is said of a process (MAINPID, descriptors) is for us. */
const CHANGES = /^(READY|RELOADING|MONOTONIC_USEC|STOPPING)$/;
const REPORTS = /^(STATUS|EXTEND_TIMEOUT_USEC|WATCHDOG)$/;

export type Relay = (fields: ReadonlyMap<string, string>) => void;

/** undefined where nobody supervises us. */
export function relayTo(
  binding: Binding,
  environment: Environment,
  onFailure: (error: Error) => void,
): Relay | undefined {
  const supervisor = readSupervisor(environment);
  if (supervisor === undefined) return undefined;
  const manager = new ServiceManager(binding, supervisor.socket, onFailure);
  return (fields) => {
    const passed = [...fields].filter(([name]) => CHANGES.test(name) || REPORTS.test(name));
    if (passed.length === 0) return;
    if (passed.some(([name]) => CHANGES.test(name))) manager.tell(Object.fromEntries(passed));
    else manager.report(Object.fromEntries(passed));
  };
}
