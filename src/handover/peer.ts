/** Who may speak to us over a control socket: our own uid and root, decided by the kernel's SO_PEERCRED. */
import { readFileSync } from 'node:fs';
import type { PeerCredentials } from '../binding.js';
import { UninterruptibleError } from '../errors.js';
import type { Channel } from './channel.js';

/**
 * The uid the kernel shows for users that have no number in our user namespace: never equal to anybody. Where every user
 * has one (the initial namespace) it is an ordinary uid, that of `nobody`, and this is undefined.
 */
let strangerUid: number | undefined;
let asked = false;

/** Whether the peer is root or has the uid this process runs as. Only the uid counts: a pid may already be another's. */
export function isTrusted(peer: PeerCredentials): boolean {
  if (!asked) strangerUid = readStrangerUid();
  asked = true;
  return peer.uid === 0 || (peer.uid === process.geteuid?.() && peer.uid !== strangerUid);
}

/** A channel to a process that is trusted. Closes it and throws HANDOVER_FORBIDDEN if it is not. */
export function trusted(channel: Channel): Channel {
  if (isTrusted(channel.peer)) return channel;
  const { uid } = channel.peer;
  channel.close();
  throw new UninterruptibleError(
    'UNINTERRUPTIBLE_HANDOVER_FORBIDDEN',
    `The owner runs as uid ${uid}, this process as uid ${process.geteuid?.()}: start it as that user, if that service is yours.`,
  );
}

/** user_namespaces(7): the initial one maps all 2^32 - 1 numbers to themselves. */
const COMPLETE_MAP = /^\s*0\s+0\s+4294967295\s*$/;

function readStrangerUid(): number | undefined {
  try {
    if (COMPLETE_MAP.test(readFileSync('/proc/self/uid_map', 'utf8'))) return undefined;
    return Number(readFileSync('/proc/sys/kernel/overflowuid', 'utf8'));
  } catch {
    return 65_534;
  }
}
