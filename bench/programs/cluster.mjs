// A primary of node:cluster with a rolling restart on SIGUSR2: fork a worker, wait until it listens, disconnect an old one. A
// new worker that does not come up in time is given up, and the old ones stay. usage: node cluster.mjs <echo|http> <port>
import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';

const WORKERS = 2;
const READY_TIMEOUT = 3000;

cluster.setupPrimary({
  exec: fileURLToPath(new URL('plain.mjs', import.meta.url)),
  args: process.argv.slice(2),
});

function started() {
  const worker = cluster.fork();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      worker.process.kill('SIGKILL');
      reject(new Error('the new worker is not ready'));
    }, READY_TIMEOUT);
    worker.once('listening', () => {
      clearTimeout(timer);
      resolve(worker);
    });
    worker.once('exit', () => {
      clearTimeout(timer);
      reject(new Error('the new worker ended'));
    });
  });
}

function tell(event, facts = {}) {
  process.stdout.write(`${JSON.stringify({ bench: event, ...facts })}\n`);
}

let workers = await Promise.all(Array.from({ length: WORKERS }, started));
process.on('SIGUSR2', async () => {
  try {
    for (const [index, old] of workers.entries()) {
      workers = workers.with(index, await started());
      old.disconnect();
    }
    tell('restarted', { ok: true });
  } catch (error) {
    tell('restarted', { ok: false, why: error.message });
  }
});
tell('all-serving');
