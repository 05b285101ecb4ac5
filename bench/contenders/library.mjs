// This library: restarted by signal, as the fastest way, or by its command, which says how it ended.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort } from '../free-port.mjs';
import { Launched, runCommand } from '../launched.mjs';

const PROGRAM = fileURLToPath(new URL('../programs/library.mjs', import.meta.url));
const COMMAND = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const DEADLINE = 15_000;
/** What pm2 allows by default, so that a hanging version costs all the same. */
const READY_TIMEOUT = '3s';

const shared = {
  protocols: ['echo', 'http'],
  faults: ['throw', 'hang', 'answer-wrong'],
  missing: () => undefined,
};

export const library = {
  ...shared,
  name: 'uninterruptible',
  how: '`kill -USR1`',
  start: (stage, protocol) => start(stage, protocol, restartBySignal),
};

export const libraryByCommand = {
  ...shared,
  name: 'uninterruptible',
  how: '`uninterruptible restart`',
  start: (stage, protocol) => start(stage, protocol, restartByCommand),
};

async function start(stage, protocol, restart) {
  const port = await freePort();
  const pidFile = stage.path('server.pid');
  const environment = { BENCH_PID_FILE: pidFile, READY_TIMEOUT };
  const launched = new Launched(stage, [process.execPath, PROGRAM, protocol, String(port)], { environment });
  await launched.next(message('serving'), DEADLINE, 'the server to serve');
  return { port, restart: () => restart({ stage, launched, pidFile }) };
}

async function restartBySignal({ launched, pidFile }) {
  const ended = launched.next(
    (line) => message('handed over')(line) ?? message('hand-over failed, serving on')(line),
    DEADLINE,
    'the restart to end',
  );
  process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGUSR1');
  await ended;
  return { exitCode: null };
}

async function restartByCommand({ stage, pidFile }) {
  return runCommand(stage, [process.execPath, COMMAND, 'restart', '--pidfile', pidFile], {
    deadline: DEADLINE,
  });
}

/** The line of the log that says this, of whatever generation. */
function message(text) {
  return (line) => (line.includes(`"msg":"${text}"`) ? JSON.parse(line) : undefined);
}
