/** Where the program called this library: what it did wrong is found there, not in here. */
import { UninterruptibleError } from './errors.js';

/** Written out only if it is needed: source maps are read for that. */
export interface CallSite {
  readonly stack?: string;
}

/** To be called by the function that the program calls, before it waits for anything. */
export function callSite(): CallSite {
  const site = {};
  Error.captureStackTrace(site, callSite);
  return site;
}

/** Has an error of ours lead to where the program called. Others, a mistake in here among them, stay as they are. Never throws. */
export function leadTo(site: CallSite, error: unknown): void {
  if (!(error instanceof UninterruptibleError)) return;
  const frames = framesOf(site);
  if (frames === '') return;
  // One that is frozen is none to be thrown for; from Node 22 on it takes a stack all the same.
  Reflect.set(error, 'stack', `${error.name}: ${error.message}\n${frames}`);
}

/** None where the program writes its stacks in another form (`Error.prepareStackTrace`), or has none. */
function framesOf(site: CallSite): string {
  try {
    const stack: unknown = site.stack;
    return typeof stack === 'string' ? (/^\s+at [^]*/m.exec(stack)?.[0] ?? '') : '';
  } catch {
    return '';
  }
}
