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
import { DEADLINE, Generations, type Line } from '../support/generations.js';
import { type LoadHandle, startLoad } from '../support/load/index.js';
import { requirement } from '../support/requirements.js';

const ROTATIONS = 20;
/** Clients that are served between two of them. */
const PACE = 25;
const PAGE = fileURLToPath(new URL('../../docs/operating.md', import.meta.url));

let generations: Generations;
let load: LoadHandle | undefined;
let pidPath: string;

beforeEach(() => {
  generations = new Generations();
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

/** Who has which log file open. */
function open(): { pid: number; target: string }[] {
  return generations
    .alive()
    .flatMap((pid) => (unlessGone(() => readdirSync(`/proc/${pid}/fd`)) ?? []).map((fd) => ({ pid, fd })))
    .map(({ pid, fd }) => ({ pid, target: unlessGone(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? '' }))
    .filter(({ target }) => target.includes('/echo.log'));
}

const writers = (): number[] => open().map(({ pid }) => pid);
/** Those that were moved away. */
const oldOnesOpen = (): string[] =>
  open()
    .map(({ target }) => target)
    .filter((target) => !target.endsWith('/echo.log'));

/** A process that has left, or a descriptor that was closed, meanwhile. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
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
  generations.deploy({
    servers: [{ bind: `tcp://127.0.0.1:${port}`, rollbackWindow: 500 }],
    stay: true,
    warmUp: 100,
  });
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
    longLived: { count: 10, interval: 50 },
  });
  for (let rotation = 1; rotation <= ROTATIONS; rotation++) {
    const former = owner();
    const restarts = rotation % 3 === 0;
    if (restarts) {
      const known = writers();
      process.kill(former, 'SIGUSR1');
      // It has the log open, and is not the one in the pid file yet.
      await generations.until(
        () => writers().some((pid) => !known.includes(pid)),
        'the next generation to warm up',
      );
    }
    await rotate(configuration);
    if (restarts) await generations.until(() => owner() !== former, 'the next generation to serve');
    await generations.until(() => oldOnesOpen().length === 0, 'everybody to write to the new file');
    const { answered: before = 0 } = load.progress ?? {};
    await load.waitFor(({ answered }) => answered >= before + PACE, DEADLINE, 'lines to be written to it');
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
  expect(lines.filter(({ msg }) => msg === 'connection accepted').length).toBeGreaterThan(ROTATIONS * PACE);
  expect(lines.filter(({ level }) => level >= 40)).toEqual([]);
});
