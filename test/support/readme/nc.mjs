// Enough of netcat for the README: `nc -N host port`. Tries to connect for 5 s, as a reader would who was too quick.
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const [flag, host, port] = process.argv.slice(2);
if (flag !== '-N' || port === undefined) {
  console.error('usage: nc -N host port');
  process.exit(2);
}

const patience = performance.now() + 5_000;
for (;;) {
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  const error = await new Promise((resolve) => {
    socket.once('error', resolve);
    socket.once('connect', () => resolve(undefined));
  });
  if (error === undefined) {
    process.stdin.pipe(socket).pipe(process.stdout);
    break;
  }
  if (error.code !== 'ECONNREFUSED' || performance.now() > patience) throw error;
  await delay(50);
}
