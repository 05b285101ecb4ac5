import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { serve } from 'uninterruptible/http';
import { options } from './options.mjs';

const app = new Hono();
app.all('/', async (context) => context.json({ pid: process.pid, body: await context.req.text() }));

await serve(getRequestListener(app.fetch), options);
