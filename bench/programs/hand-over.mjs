// A server with many listeners that says when it came how far. usage: node hand-over.mjs <listeners> [own-logger] [megabytes=<n>]
import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
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

const [listeners, ...words] = process.argv.slice(2);
const hasOwnLogger = words.includes('own-logger');
/** What a large server has in memory. */
const megabytes = Number(words.find((word) => word.startsWith('megabytes='))?.split('=')[1] ?? 0);
const memory = Array.from({ length: megabytes }, () => Buffer.alloc(1 << 20, 1));
const ignore = () => {};
const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

const server = new EchoServer({
  bind: Array.from({ length: Number(listeners) }, () => 'tcp://127.0.0.1:0'),
  startCommand: [process.execPath, ...process.argv.slice(1)],
  ...(hasOwnLogger && { logger }),
});
await server.run();
stamps.servingAt = monotonic();
if (memory.length > 0) stamps.nodeSpawn = await spawnByNode();
tell({ bench: 'serving', pid: process.pid, ...stamps });

/** For how long Node's own spawn of a small program stops this process. */
async function spawnByNode() {
  const { spawn } = await import('node:child_process');
  const began = monotonic();
  const child = spawn('/bin/true', { stdio: 'ignore' });
  const took = monotonic() - began;
  await once(child, 'exit');
  return took;
}

function tell(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
