// Fastify itself is given: it is made ready before this process takes over, and closed when the last connection has ended.
import Fastify from 'fastify';
import { serve } from 'uninterruptible/http';
import { options } from './options.mjs';

const app = Fastify();
app.addContentTypeParser('*', { parseAs: 'string' }, async (_request, body) => body);
app.all('/', async (request) => ({ pid: process.pid, body: request.body ?? '' }));
app.addHook('onClose', async () => console.log('fastify is closed'));

await serve(app, options);
