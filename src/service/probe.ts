/** The probe: the new version must answer its own protocol, through its own accept path, before it may say ready. */
import { Socket } from 'node:net';
import type { Binding } from '../binding.js';
import { UninterruptibleError } from '../errors.js';
import type { Member } from './member.js';
import type { Service } from './service.js';

/** Rejects with PROBE_FAILED, the program's own error as cause. */
export async function runProbes(service: Service, signal: AbortSignal): Promise<void> {
  const { binding, members } = service;
  if (binding === undefined) return;
  const probed = members.filter((member) => member.probe() !== undefined);
  if (probed.length > 0) service.step('probing');
  await Promise.all(probed.map((member) => runProbe(binding, member, signal)));
}

async function runProbe(binding: Binding, member: Member, signal: AbortSignal): Promise<void> {
  const clients: Socket[] = [];
  const endAll = (): void => {
    for (const client of clients) client.destroy();
  };
  signal.addEventListener('abort', endAll, { once: true });
  const connect = (listenerName?: string): Socket => {
    const [ours, theirs] = binding.socketPair('stream');
    const accepted = new Socket({ fd: ours.release(), allowHalfOpen: true });
    const client = new Socket({ fd: theirs.release() });
    clients.push(client);
    try {
      member.acceptProbe(accepted, listenerName);
    } catch (error) {
      accepted.destroy();
      throw error;
    }
    return client;
  };
  try {
    await member.probe()?.(connect);
  } catch (cause) {
    throw new UninterruptibleError('UNINTERRUPTIBLE_PROBE_FAILED', `probe() failed: ${describe(cause)}`, {
      cause,
    });
  } finally {
    signal.removeEventListener('abort', endAll);
    endAll();
  }
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
