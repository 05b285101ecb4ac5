/** Which protocol a client of a cleartext connection speaks. HTTP/2 with prior knowledge begins with a preface of its own. */
import type { Socket } from 'node:net';

/** RFC 9113, 3.4. No method of HTTP/1 begins so. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** Who speaks HTTP/2 sends the preface at once. Later it can only be HTTP/1, which has timeouts of its own. */
const PATIENCE_MILLISECONDS = 5_000;

/**
 * Calls back once, when the first bytes tell, or when they do not come; they are unread again. Of a client that leaves
 * before, it only closes the socket.
 */
export function onProtocol(socket: Socket, callback: (protocol: 'h2' | 'http/1.1') => void): void {
  let seen = Buffer.alloc(0);
  const stop = (): void => {
    clearTimeout(timer);
    socket.removeListener('readable', read);
    socket.removeListener('end', leave);
    socket.removeListener('close', stop);
  };
  const leave = (): void => {
    stop();
    socket.destroySoon();
  };
  const decide = (protocol: 'h2' | 'http/1.1'): void => {
    stop();
    if (seen.length > 0) socket.unshift(seen);
    callback(protocol);
  };
  const read = (): void => {
    for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
      seen = Buffer.concat([seen, chunk]);
    }
    const length = Math.min(seen.length, PREFACE.length);
    if (!seen.subarray(0, length).equals(PREFACE.subarray(0, length))) decide('http/1.1');
    else if (length === PREFACE.length) decide('h2');
  };
  const timer = setTimeout(() => decide('http/1.1'), PATIENCE_MILLISECONDS).unref();
  socket.on('readable', read);
  socket.once('end', leave);
  socket.once('close', stop);
}
