// HTTPS: the certificate comes from the files that TLS_KEY and TLS_CERTIFICATE name. HTTP/2 where the client speaks it.
import { text } from 'node:stream/consumers';
import { serve } from 'uninterruptible/http';
import { options } from './options.mjs';

async function answer(request, response) {
  const body = await text(request);
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ pid: process.pid, body, protocol: request.httpVersion }));
}

await serve(answer, { ...options, http2: true });
