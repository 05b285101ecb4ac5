/** The hooks of the program, run for every server. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { UninterruptibleError } from '../errors.js';
import type { Service } from './service.js';

/** How often a hook that is waited for is named. */
const REMINDER_MILLISECONDS = 30_000;

const inHook = new AsyncLocalStorage<boolean>();

/** Whether we were called by a hook, which is waited for. */
export function isInHook(): boolean {
  return inHook.getStore() === true;
}

/** One that fails is logged and holds nobody up. */
export async function runHooks(service: Service, hook: 'onDrain' | 'onResume' | 'onStop'): Promise<void> {
  // Keeps the process alive as well: a hook may wait for what does not.
  const reminder = setInterval(() => {
    service.log.warn(`still waiting for ${hook}()`);
  }, REMINDER_MILLISECONDS);
  // Not every stop waits for every hook.
  void service.stopped.then(() => clearInterval(reminder));
  const results = await inHook.run(true, () =>
    Promise.allSettled(service.members.map((member) => member[hook]())),
  );
  clearInterval(reminder);
  for (const result of results) {
    if (result.status === 'rejected') service.log.error('a hook failed', { err: result.reason });
  }
}

/** Rejects with WARM_UP_FAILED, the program's own error as cause. */
export async function warmUp(service: Service): Promise<void> {
  const hooks = service.members.flatMap((member) => member.warmUp() ?? []);
  if (hooks.length === 0) return;
  // Said before: of one that hangs nothing else would tell.
  service.step('warming up');
  try {
    await Promise.all(hooks.map((hook) => hook()));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UninterruptibleError('UNINTERRUPTIBLE_WARM_UP_FAILED', `warmUp() failed: ${why}`, { cause });
  }
}
