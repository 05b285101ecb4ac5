/** How a connection ends when its handler has finished: what was written reaches the client, then both sides close. */
import type { Socket } from 'node:net';

/** How long the client may take to close after it was sent everything. */
const LINGER_MILLISECONDS = 5_000;

/**
 * Lets `for await (const chunk of socket)` end without destroying the socket, which is Node's default: what was written
 * and not sent yet would be lost.
 */
export function surviveReading(socket: Socket): void {
  socket[Symbol.asyncIterator] = iterateAndSurvive;
}

function iterateAndSurvive(this: Socket): NodeJS.AsyncIterator<unknown> {
  return this.iterator({ destroyOnReturn: false });
}

/** Flushes, ends, and destroys the socket when the peer has closed, or has not within five seconds after that. */
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
  socket.once('end', () => socket.destroySoon());
  // Counted from the last byte: a client that reads slowly still gets all of it.
  if (socket.writableFinished) linger(socket);
  else socket.once('finish', () => linger(socket));
}

/**
 * For a handler that ends the connection without reading: Node sees no end of a socket that nobody reads, and it would stay open
 * for ever. Who has not begun to read five seconds after the last byte will not.
 */
export function dropUnread(socket: Socket): void {
  if (!isUnread(socket)) return;
  socket.once('finish', () =>
    afterLinger(socket, () => {
      if (isUnread(socket)) socket.resume();
    }),
  );
}

function isUnread(socket: Socket): boolean {
  return socket.readableFlowing === null && !socket.destroyed;
}

function linger(socket: Socket): void {
  afterLinger(socket, () => socket.destroy());
}

/** Unless it has closed by then. */
function afterLinger(socket: Socket, action: () => void): void {
  const timer = setTimeout(action, LINGER_MILLISECONDS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}
