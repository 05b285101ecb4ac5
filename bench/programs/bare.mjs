// The same program as hand-over.mjs on Node alone: what every start costs.
import { monotonic, startOfProcess } from '../clock.mjs';

const firstLineAt = monotonic();
const { createServer } = await import('node:net');
const { echo } = await import('./handlers.mjs');
createServer(echo).listen(0, '127.0.0.1', () => {
  const stamps = { startedAt: startOfProcess(), firstLineAt, servingAt: monotonic() };
  process.stdout.write(`${JSON.stringify({ bench: 'bare', ...stamps })}\n`);
});
