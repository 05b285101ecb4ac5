/** Sends WebSocket clients to the new process, a few at a time: all at once they would all come back at once. */
import { setTimeout as delay } from 'node:timers/promises';

/** "Service Restart", in IANA's registry of WebSocket close codes: clients reconnect. */
const SERVICE_RESTART = 1012;
const DEFAULT_SPREAD_MILLISECONDS = 10_000;

/** A server's end of a WebSocket, as `ws` has it. */
export interface WebSocketLike {
  /** Starts the closing handshake. */
  close(code: number, reason: string): void;
}

/** How `closeWebSockets` closes. */
export interface CloseWebSocketsOptions {
  /** Milliseconds over which they are spread evenly. */
  over?: number;
  /** The close code; `1012`, service restart, unless given. */
  code?: number;
  /** The reason beside the code; at most 123 bytes (RFC 6455, 5.5). */
  reason?: string;
  /** Gives it up, for instance because this process serves again: those that are left stay open. */
  signal?: AbortSignal;
}

/**
 * Closes each with code 1012, evenly spread over `over` ms (10 s unless given) with some jitter: each has a slot of its own,
 * and is closed at a random moment within it. Resolves when the last was told. To be called in `onDrain`.
 */
export async function closeWebSockets(
  sockets: Iterable<WebSocketLike>,
  {
    over = DEFAULT_SPREAD_MILLISECONDS,
    code = SERVICE_RESTART,
    reason = 'service restart',
    signal,
  }: CloseWebSocketsOptions = {},
): Promise<void> {
  if (!Number.isFinite(over) || over < 0) {
    throw new RangeError(`over must be a number of milliseconds, 0 or more, not ${over}.`);
  }
  const all = [...sockets];
  const slot = over / Math.max(1, all.length);
  const startedAt = performance.now();
  for (const [at, socket] of all.entries()) {
    const due = startedAt + (at + Math.random()) * slot;
    const wait = due - performance.now();
    // setTimeout is not exact to the millisecond: what is due within it is done in this turn.
    if (wait > 1) await delay(wait, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
    if (signal?.aborted) return;
    socket.close(code, reason);
  }
}
