/** The log is rotated by logrotate, with the configuration of docs/operating.md, while generations come, drain and go. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EchoGenerations } from '../support/echo.js';
import type { Line } from '../support/generations.js';
import { type LoadHandle, startLoad } from '../support/load/index.js';
import { requirement } from '../support/requirements.js';

const ROTATIONS = 20;
const PAGE = fileURLToPath(new URL('../../docs/operating.md', import.meta.url));

let generations: EchoGenerations;
let load: LoadHandle | undefined;
let pidPath: string;

beforeEach(() => {
  generations = new EchoGenerations();
  pidPath = join(generations.directory, 'echo.pid');
});
afterEach(async () => {
  await load?.kill();
  load = undefined;
  await generations.end();
});

const owner = (): number => Number(readFileSync(pidPath, 'utf8'));

/** That of the page, for the paths of this test; and nothing is so old that it is removed. */
function writeConfiguration(): string {
  const text = /^# \/etc\/logrotate\.d\/echo\n[^`]*/m.exec(readFileSync(PAGE, 'utf8'))?.[0] ?? '';
  const path = join(generations.directory, 'logrotate.conf');
  const here = text
    .replace('/var/log/echo', generations.directory)
    .replace('/run/echo/echo.pid', pidPath)
    .replace('rotate 14', `rotate ${2 * ROTATIONS}`);
  expect(here).toMatch(/kill -HUP[^]*delaycompress|delaycompress[^]*kill -HUP/);
  writeFileSync(path, here, { mode: 0o600 });
  return path;
}

async function rotate(configuration: string): Promise<void> {
  const state = join(generations.directory, 'logrotate.state');
  await promisify(execFile)('logrotate', ['--force', '--state', state, configuration]);
}

/** Log files that were moved away, and that somebody still has open. */
function oldOnesOpen(): string[] {
  return generations.alive().flatMap((pid) => {
    try {
      return readdirSync(`/proc/${pid}/fd`)
        .map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
        .filter((target) => /echo\.log\.\d/.test(target));
    } catch {
      return []; // It has left, or closed one.
    }
  });
}

/** Of all files together; one that is torn is no JSON. */
function allLines(): Line[] {
  const { directory } = generations;
  return readdirSync(directory)
    .filter((name) => name.startsWith('echo.log'))
    .map((name) => readFileSync(join(directory, name)))
    .map((bytes) => (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString())
    .flatMap((text) => text.split('\n').slice(0, -1))
    .map((line) => JSON.parse(line) as Line);
}

test(`${ROTATIONS} rotations under load, across restarts: every line is in exactly one file`, {
  ...requirement('addon', 'proc', 'logrotate'),
  timeout: 60_000,
}, async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  generations.deploy({ servers: [{ bind: `tcp://127.0.0.1:${port}`, rollbackWindow: 500 }] });
  const environment = {
    LOG_LEVEL: 'debug',
    PID_FILE: pidPath,
    LOG_PATH: join(generations.directory, 'echo.log'),
  };
  generations.launch({ environment });
  await generations.until(() => allLines().some(({ msg }) => msg === 'serving'), 'the first to serve');
  const configuration = writeConfiguration();
  // Held so long that each old process drains through several rotations.
  load = await startLoad({
    target: { port },
    rate: 200,
    answer: 'echo-pid',
    longLived: { count: 10, interval: 50, holdFor: 1_500 },
  });
  for (let rotation = 1; rotation <= ROTATIONS; rotation++) {
    const before = owner();
    const restarts = rotation % 3 === 0;
    if (restarts) process.kill(before, 'SIGUSR1');
    // Amid the hand-over every other time.
    if (restarts && rotation % 2 === 0) {
      await generations.until(() => owner() !== before, 'the next generation to serve');
    }
    await rotate(configuration);
    if (restarts) await generations.until(() => owner() !== before, 'the next generation to serve');
    await generations.until(() => oldOnesOpen().length === 0, 'everybody to write to the new file');
  }
  expect((await load.stop()).losses).toEqual([]);
  process.kill(owner(), 'SIGTERM');
  await generations.until(() => generations.alive().length === 0, 'all to leave');

  const lines = allLines();
  const files = readdirSync(generations.directory).filter((name) => /echo\.log\.\d+/.test(name));
  expect(files).toHaveLength(ROTATIONS);
  const pids = new Set(lines.map(({ pid }) => pid));
  expect(pids.size).toBe(1 + Math.floor(ROTATIONS / 3));
  for (const pid of pids) {
    for (const what of ['connection accepted', 'connection closed']) {
      const connections = lines
        .filter((line) => line.pid === pid && line.msg === what)
        .map((line) => Number(line['connection']))
        .sort((one, other) => one - other);
      // Numbered from 1 in each process: none is missing, and none is there twice.
      expect(connections).toEqual(Array.from({ length: connections.length }, (_, at) => at + 1));
    }
  }
  expect(lines.filter(({ msg }) => msg === 'connection accepted').length).toBeGreaterThan(500);
  expect(lines.filter(({ level }) => level >= 40)).toEqual([]);
});
