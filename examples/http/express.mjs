import express from 'express';
import { serve } from 'uninterruptible/http';
import { options } from './options.mjs';

const app = express();
app.use(express.text({ type: () => true }));
app.all('/', (request, response) => {
  response.json({ pid: process.pid, body: request.body ?? '' });
});

await serve(app, options);
