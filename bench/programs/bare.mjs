// The same program as hand-over.mjs on Node alone: what every start costs.
import { monotonic } from '../clock.mjs';

const firstLineAt = monotonic();
const { createServer } = await import('node:net');
const { echo } = await import('./handlers.mjs');
const programAt = monotonic();
createServer(echo).listen(0, '127.0.0.1', () => {
  const stamps = { firstLineAt, programAt, servingAt: monotonic() };
  process.stdout.write(`${JSON.stringify({ bench: 'bare', ...stamps })}\n`);
});
