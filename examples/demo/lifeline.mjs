// A socket that every generation keeps connected to the demo: when the demo is no more, however it ended, they see it.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** Resolves with the path to connect to. */
export async function openLifeline(directory) {
  const path = join(directory, 'lifeline');
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  await once(server.listen(path), 'listening');
  return path;
}
