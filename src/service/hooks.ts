/** The hooks of the program, run for every server. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { UninterruptibleError } from '../errors.js';
import type { Member } from './member.js';
import type { Service } from './service.js';

const inHook = new AsyncLocalStorage<boolean>();

/** Whether we were called by a hook, which is waited for. */
export function isInHook(): boolean {
  return inHook.getStore() === true;
}

/** One that fails is logged and holds nobody up. */
export async function runHooks(service: Service, hook: (member: Member) => Promise<void>): Promise<void> {
  const results = await inHook.run(true, () => Promise.allSettled(service.members.map(hook)));
  for (const result of results) {
    if (result.status === 'rejected') service.log.error('a hook failed', { err: result.reason });
  }
}

/** Rejects with WARM_UP_FAILED, the program's own error as cause. */
export async function warmUp(members: readonly Member[]): Promise<void> {
  try {
    await Promise.all(members.map((member) => member.warmUp()));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UninterruptibleError('UNINTERRUPTIBLE_WARM_UP_FAILED', `warmUp() failed: ${why}`, { cause });
  }
}
