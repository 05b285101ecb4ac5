// Cloudflare's tableflip, which does for Go what this library does for Node.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort } from '../free-port.mjs';
import { Launched } from '../launched.mjs';
import { accepting } from './accepting.mjs';
import { installed, missingProgram } from './installed.mjs';

const SOURCES = fileURLToPath(new URL('tableflip/', import.meta.url));
const FOLDER = fileURLToPath(new URL('../.contenders/', import.meta.url));
const COPY = `${FOLDER}tableflip`;
const BINARY = `${COPY}/server`;
const BUILD_DEADLINE = 120_000;

export const tableflip = {
  name: 'tableflip',
  how: '`kill -HUP`; who stays, stays for 1 s',
  /** It refuses to restart while an old process is there. */
  holdFor: 1000,
  protocols: ['echo'],
  faults: [],
  missing,
  async start(stage) {
    const port = await freePort();
    const environment = { BENCH_PORT: String(port) };
    const launched = new Launched(stage, [BINARY], { environment });
    await accepting(port, launched);
    let owner = launched.pid;
    return {
      port,
      async restart() {
        const ready = launched.next(readyPid, 10_000, 'the new process to be ready');
        process.kill(owner, 'SIGHUP');
        owner = await ready;
        return { exitCode: null };
      },
    };
  },
};

function readyPid(line) {
  const pid = /^ready (\d+)$/.exec(line)?.[1];
  return pid === undefined ? undefined : Number(pid);
}

/** Built once, from a copy: go writes checksums beside the sources. */
function missing() {
  if (existsSync(BINARY)) return undefined;
  const why = missingProgram('go');
  if (why !== undefined) return why;
  cpSync(SOURCES, COPY, { recursive: true });
  const { status } = spawnSync(installed('go'), ['build', '-mod=mod', '-o', BINARY, '.'], {
    cwd: COPY,
    stdio: 'ignore',
    timeout: BUILD_DEADLINE,
  });
  return status === 0 ? undefined : 'go could not build it';
}
