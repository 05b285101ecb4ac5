// A server of node:http2 with its own stream API, in cleartext. It is made and never told to listen.
import { createServer } from 'node:http2';
import { text } from 'node:stream/consumers';
import { serve } from 'uninterruptible/http';
import { options } from './options.mjs';

const server = createServer();
server.on('stream', async (stream) => {
  const body = await text(stream);
  stream.respond({ ':status': 200, 'content-type': 'application/json' });
  stream.end(JSON.stringify({ pid: process.pid, body }));
});

await serve(server, options);
