/** How a connection ends when its handler has finished: what was written reaches the client, then both sides close. */
import type { Socket } from 'node:net';

/** How long the client may take to close after we did. */
const LINGER_MILLISECONDS = 5_000;

/** Flushes, ends, and destroys the socket when the peer has closed or did not within five seconds. */
export function finish(socket: Socket): void {
  if (socket.destroyed) return;
  // Without a reader the peer's FIN is never seen; with unread bytes close(2) would send a reset and lose the answer.
  socket.removeAllListeners('data');
  socket.removeAllListeners('readable');
  socket.resume();
  socket.end();
  if (socket.readableEnded) {
    socket.destroySoon();
    return;
  }
  const timer = setTimeout(() => socket.destroy(), LINGER_MILLISECONDS);
  timer.unref();
  socket.once('end', () => socket.destroySoon());
  socket.once('close', () => clearTimeout(timer));
}
