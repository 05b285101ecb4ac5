/** Channels of `node:diagnostics_channel`, for tracing without touching the server. Publishing costs nothing unheard. */
import { type Channel, channel } from 'node:diagnostics_channel';

/** `{ server, state, from, pid, generation }` at each change of state. */
export const stateChannel: Channel = channel('uninterruptible:state');
/** `{ server, connection, socket }` for each accepted connection. */
export const connectionChannel: Channel = channel('uninterruptible:connection');
/** `{ server, step, pid, generation, error? }` at each step of a restart or hand-over. */
export const handoverChannel: Channel = channel('uninterruptible:handover');
/**
 * Every message of the hand-over protocol and every change of a lock, as it happens:
 * `{ direction: 'sent' | 'received', type, peer, channel }` or `{ lock: 'owner' | 'next', held, path }`.
 */
export const protocolChannel: Channel = channel('uninterruptible:protocol');
