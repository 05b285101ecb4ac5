// node:http, with nothing else.
import { text } from 'node:stream/consumers';
import { serve } from 'uninterruptible/http';
import { options } from './options.mjs';

async function answer(request, response) {
  const body = await text(request);
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ pid: process.pid, body }));
}

await serve(answer, options);
