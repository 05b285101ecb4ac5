import { text } from 'node:stream/consumers';
import Koa from 'koa';
import { serve } from 'uninterruptible/http';
import { options } from './options.mjs';

const app = new Koa();
app.use(async (context) => {
  context.body = { pid: process.pid, body: await text(context.req) };
});

await serve(app, options);
