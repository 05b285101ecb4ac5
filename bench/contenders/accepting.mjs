import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const DEADLINE = 10_000;

/** Resolves when somebody accepts at this port: for servers that do not say when they serve. */
export async function accepting(port, launched) {
  const deadline = performance.now() + DEADLINE;
  while (!(await accepts(port))) {
    if (performance.now() > deadline) throw new Error(['nobody accepts', ...launched.lines].join('\n  '));
    await delay(20);
  }
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.end());
    socket.resume();
  });
}
