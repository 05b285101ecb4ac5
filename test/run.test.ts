import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const FIXTURE = fileURLToPath(new URL('fixtures/refused-run.mjs', import.meta.url));
const execute = promisify(execFile);
const IN_CLUSTER =
  'A server was started in a node:cluster worker (or under pm2 -i). Its primary owns the sockets: run one plain process.';

test.each([
  [
    'a second time',
    'twice',
    'UNINTERRUPTIBLE_RUN_REPEATED',
    'run() was called twice in this process. Listeners change hands together: call run(a, b) once, with all servers.',
  ],
  [
    'in a worker thread',
    'worker',
    'UNINTERRUPTIBLE_RUN_IN_WORKER',
    'run() was called in a worker thread. Signals belong to the main thread: call run() there, and use start() here.',
  ],
  ['in a cluster worker', 'cluster', 'UNINTERRUPTIBLE_RUN_IN_CLUSTER', IN_CLUSTER],
  ['with one server twice', 'one-twice', undefined, 'run() takes each server once.'],
  ['with no server', 'none', undefined, 'run() takes at least one server.'],
])('run called %s is refused, with what to do instead', async (_, place, code, message) => {
  expect(await reportOf(place)).toMatchObject({ ...(code && { code }), message });
});

test('start is refused in a cluster worker, and works in a worker thread', async () => {
  expect(await reportOf('cluster', 'start')).toMatchObject({
    code: 'UNINTERRUPTIBLE_RUN_IN_CLUSTER',
    message: IN_CLUSTER,
  });
  expect(await reportOf('worker', 'start')).toEqual({ message: 'not refused' });
});

async function reportOf(...args: string[]): Promise<unknown> {
  const { stdout } = await execute(process.execPath, [FIXTURE, ...args]);
  return JSON.parse(stdout);
}
