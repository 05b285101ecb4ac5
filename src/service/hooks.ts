/** Runs a hook of every server; one that fails is logged and holds nobody up. */
import type { Member } from './member.js';
import type { Service } from './service.js';

export async function runHooks(service: Service, hook: (member: Member) => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(service.members.map(hook));
  for (const result of results) {
    if (result.status === 'rejected') service.log.error('a hook failed', { err: result.reason });
  }
}
