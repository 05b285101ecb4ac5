/** For what may fail without harm to those who are served: it is logged, and what follows is done all the same. */
import type { Service } from './service.js';

/** Returns whether it was done. */
export function attempt(service: Service, what: string, action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    service.log.error(what, { err: error });
    return false;
  }
}
