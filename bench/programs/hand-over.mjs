// A server with many listeners that says when it came how far. usage: node hand-over.mjs <listeners> [own-logger]
import { subscribe } from 'node:diagnostics_channel';
import { monotonic, startOfProcess } from '../clock.mjs';

const stamps = { startedAt: startOfProcess(), firstLineAt: monotonic() };
await import('node:net');
const { echo } = await import('./handlers.mjs');
stamps.programAt = monotonic();
const { Server } = await import('uninterruptible');
stamps.importedAt = monotonic();

subscribe('uninterruptible:protocol', ({ direction, type }) => {
  if (direction === 'sent' && type === 'take-over') stamps.takeOverAt = monotonic();
  if (direction === 'sent' && type === 'owner') stamps.ownerAt = monotonic();
});

class EchoServer extends Server {
  handleRequest(socket) {
    echo(socket);
  }
}

const [listeners, hasOwnLogger] = process.argv.slice(2);
const ignore = () => {};
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

const server = new EchoServer({
  bind: Array.from({ length: Number(listeners) }, () => 'tcp://127.0.0.1:0'),
  startCommand: [process.execPath, ...process.argv.slice(1)],
  ...(hasOwnLogger && { logger }),
});
await server.run();
stamps.servingAt = monotonic();
process.stdout.write(`${JSON.stringify({ bench: 'serving', pid: process.pid, ...stamps })}\n`);
