// A server that measures its own turns while it begins to drain. Its channel orders: `begin` to measure; `tell` to say how long
// the longest turn was before the drain and since. usage: node drain.mjs <echo|http>
import { Server } from 'uninterruptible';
import { HttpServer } from 'uninterruptible/http';
import { answerPid, echo } from './handlers.mjs';
import { TurnMeter } from './turns.mjs';

const [protocol] = process.argv.slice(2);
let told = 0;

class EchoServer extends Server {
  handleRequest(socket, { signal }) {
    // Connections stay: it is the client who leaves, when all have been told.
    signal.addEventListener('abort', () => (told += 1));
    echo(socket);
  }
}

const options = {
  bind: 'tcp://127.0.0.1:0',
  startCommand: [process.execPath, ...process.argv.slice(1)],
};
const server =
  protocol === 'http'
    ? new HttpServer(answerPid, { ...options, httpOptions: { keepAliveTimeout: 300_000 } })
    : new EchoServer(options);

let meter;
let before;
server.on('draining', () => (before = meter?.take()));
process.on('message', (order) => {
  if (order === 'begin') {
    meter = new TurnMeter();
    process.send({ connections: server.activeConnections });
  } else {
    meter.end();
    process.send({ before, since: meter.take(), told });
  }
});
await server.run();
// The channel must not keep a drained process.
process.channel?.unref();
process.stdout.write(
  `${JSON.stringify({ bench: 'serving', pid: process.pid, port: server.boundListeners[0].port })}\n`,
);
