// A server with many listeners that says when it came how far. usage: node hand-over.mjs <listeners> [own-logger]
import { subscribe } from 'node:diagnostics_channel';
import { monotonic } from '../clock.mjs';

const stamps = { firstLineAt: monotonic() };
await import('node:net');
const { echo } = await import('./handlers.mjs');
stamps.programAt = monotonic();
const { Server } = await import('uninterruptible');
stamps.importedAt = monotonic();

/** Of the messages of one exchange, in which this process is the new one. */
const STAMPED = {
  'sent take-over': 'takeOverAt',
  'received offer': 'offeredAt',
  'sent ready': 'readyAt',
  'received yours': 'yoursAt',
  'sent owner': 'ownerAt',
};

subscribe('uninterruptible:protocol', ({ direction, type }) => {
  const name = STAMPED[`${direction} ${type}`];
  if (name !== undefined) stamps[name] = monotonic();
});
subscribe('uninterruptible:handover', ({ step }) => {
  if (step === 'starting') stamps.startingAt = monotonic();
  // In the old process, as soon as the new one is a process of its own.
  if (step === 'started') tell({ bench: 'spawned', spawnedAt: monotonic() });
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
tell({ bench: 'serving', pid: process.pid, ...stamps });

function tell(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
