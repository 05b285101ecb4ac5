// How a server is asked, and how many bytes it answers: all answers are of one length, so that counting bytes is enough, which
// leaves the processor to the server.
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

const QUIET = 100;

export function question(protocol, { isOnly = false } = {}) {
  if (protocol === 'echo') return `${'x'.repeat(63)}\n`;
  return `GET / HTTP/1.1\r\nHost: bench\r\n${isOnly ? 'Connection: close\r\n' : ''}\r\n`;
}

/** Gives a socket on its way to the server. The certificate is the benchmark's own. */
export function open({ port, tls }) {
  return tls
    ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    : connect(port, '127.0.0.1');
}

/** Resolves with the length of an answer: of all that comes until nothing has come for a while. */
export function answerLength(target, text) {
  return new Promise((resolve, reject) => {
    const socket = open(target);
    let length = 0;
    let timer;
    socket.write(text);
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      length += chunk.length;
      clearTimeout(timer);
      timer = setTimeout(() => {
        resolve(length);
        socket.destroy();
      }, QUIET);
    });
  });
}
