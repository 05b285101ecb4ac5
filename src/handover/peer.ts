/** Who may speak to us over a control socket: our own uid and root, decided by the kernel's SO_PEERCRED. */
import { readFileSync } from 'node:fs';
import type { PeerCredentials } from '../binding.js';

/** The uid the kernel shows for users that have no number in our user namespace: never equal to anybody. */
let overflowUid: number | undefined;

/** Whether the peer is root or has the uid this process runs as. Only the uid counts: a pid may already be another's. */
export function isTrusted(peer: PeerCredentials): boolean {
  overflowUid ??= readOverflowUid();
  return peer.uid === 0 || (peer.uid === process.geteuid?.() && peer.uid !== overflowUid);
}

function readOverflowUid(): number {
  try {
    return Number(readFileSync('/proc/sys/kernel/overflowuid', 'utf8'));
  } catch {
    return 65_534;
  }
}
