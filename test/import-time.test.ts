/** What every generation pays before its first line runs. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { requirement } from './support/requirements.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ROUNDS = 8;
/** Of CPU, on an idle machine, where a program that only imports node:net takes about twice as much. */
const ALLOWED_MILLISECONDS = 20;
const EMPTY_PROGRAM_MILLISECONDS = 40;

test(`importing the library takes less than ${ALLOWED_MILLISECONDS} ms`, { timeout: 60_000 }, async () => {
  const measure = 'const { user, system } = process.cpuUsage(); console.log((user + system) / 1000);';
  const empty: number[] = [];
  const importing: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    empty.push(Number(await run(`import 'node:net'; ${measure}`)));
    importing.push(Number(await run(`import 'node:net'; import 'uninterruptible'; ${measure}`)));
  }
  const baseline = Math.min(...empty);
  const cost = Math.min(...importing) - baseline;
  console.info(`importing takes ${cost.toFixed(1)} ms of CPU; an empty program ${baseline.toFixed(1)} ms`);
  // A busy or slow machine makes both dearer alike; newer versions of Node start faster, and import no faster.
  expect(cost).toBeLessThan(ALLOWED_MILLISECONDS * Math.max(1, baseline / EMPTY_PROGRAM_MILLISECONDS));
});

test('importing the library loads neither pino, nor TLS, nor crypto, nor child processes', async () => {
  expect(await loadedBy("await import('uninterruptible');")).toEqual([]);
});

test('a server with a logger of its own and without TLS loads neither', requirement('addon'), async () => {
  const program = `
    const { Server } = await import('uninterruptible');
    const logger = Object.fromEntries(['trace', 'debug', 'info', 'warn', 'error'].map((level) => [level, () => {}]));
    class IdleServer extends Server { handleRequest() {} }
    const server = new IdleServer({ bind: 'tcp://127.0.0.1:0', logger });
    await server.start();
    await server.stop();`;
  // node:cluster and with it node:child_process are loaded by Node's own listen.
  const loaded = await loadedBy(program);
  // Asked, and the addon required, only where that was compiled.
  const asked = existsSync(join(ROOT, 'build/Release')) ? ['node-gyp-build', 'ours'] : [];
  expect(loaded).toEqual(['child_process', 'cluster', ...asked]);
});

test('the bundle calls the classes as the papers do: their names stand in messages', async () => {
  const printed = await run(`
    const { Server } = await import('uninterruptible');
    const { HttpServer } = await import('uninterruptible/http');
    console.log(JSON.stringify([Server.name, HttpServer.name]));`);
  expect(JSON.parse(printed)).toEqual(['Server', 'HttpServer']);
});

test('what is looked for would be found', async () => {
  // pino is in one file of ours, which is in no list; it asks node:worker_threads whether it is in the main thread.
  expect(await loadedBy("await import('./dist/pino.js');")).toEqual(['worker_threads']);
  const program = "await import('node:tls'); await import('node:child_process');";
  expect(await loadedBy(program)).toEqual(expect.arrayContaining(['crypto', 'tls', 'child_process']));
});

/** Of Node's modules those that cost, then the packages; the addon counts as ours. */
async function loadedBy(program: string): Promise<string[]> {
  const printed = await run(`
    ${program}
    const { cache } = process.getBuiltinModule('node:module').createRequire(import.meta.url);
    const packages = Object.keys(cache).map((path) => /.*\\/node_modules\\/([^/]+)/.exec(path)?.[1] ?? 'ours');
    const costly = /^NativeModule (assert|crypto|tls|child_process|cluster|http|https|http2|worker_threads)$/;
    const modules = process.moduleLoadList.map((name) => costly.exec(name)?.[1]).filter(Boolean);
    console.log(JSON.stringify([...new Set([...modules, ...packages])]));`);
  return JSON.parse(printed) as string[];
}

async function run(program: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', program],
    // Neither what the test runner preloads nor what it measures.
    { cwd: ROOT, env: { ...process.env, NODE_OPTIONS: '', NODE_V8_COVERAGE: '' } },
  );
  return stdout;
}
