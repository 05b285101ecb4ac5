// Opens many connections, asks one thing on each, and keeps them until it is told `release` on stdin; then it closes all but
// one, and when they are closed the last one, and says when. usage: node hold.mjs <JSON: { port, tls, protocol, count }>
import { monotonic } from '../clock.mjs';
import { open, question } from './learn.mjs';

const { port, tls, protocol, count } = JSON.parse(process.argv[2]);
/** So many on their way at once: a kernel's queue holds 4,096 at most. */
const AT_ONCE = 200;

const sockets = [];
const text = question(protocol);
let closed = 0;
let isReleased = false;

function tell(event, facts) {
  process.stdout.write(`${JSON.stringify({ bench: event, ...facts })}\n`);
}

function opened() {
  return new Promise((resolve, reject) => {
    const socket = open({ port, tls });
    sockets.push(socket);
    socket.on('error', reject);
    socket.once('data', resolve);
    socket.on('close', () => {
      closed += 1;
      if (!isReleased) tell('cut', {});
      else if (closed === count - 1) closeTheLast();
    });
    socket.write(text);
  });
}

function closeTheLast() {
  tell('released', { at: monotonic() });
  sockets[0].end();
}

async function openInTurn() {
  while (sockets.length < count) await opened();
}

await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, openInTurn));
tell('held', { count: sockets.length });
process.stdin.on('data', () => {
  isReleased = true;
  for (const socket of sockets.slice(1)) socket.end();
});
process.stdin.on('end', () => process.exit());
