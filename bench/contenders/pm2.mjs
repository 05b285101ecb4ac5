// pm2 in cluster mode, set up the way its documentation says a graceful reload is: `wait_ready`, and an end on SIGINT. It is
// installed, once, into a folder that git ignores.
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort } from '../free-port.mjs';
import { runCommand } from '../launched.mjs';

const VERSION = '7.0.4';
const FOLDER = fileURLToPath(new URL('../.contenders/', import.meta.url));
const COMMAND = `${FOLDER}node_modules/pm2/bin/pm2`;
const PROGRAM = fileURLToPath(new URL('../programs/plain.mjs', import.meta.url));
const INSTALL_DEADLINE = 120_000;
const DEADLINE = 30_000;

export const pm2 = {
  name: 'pm2 reload',
  how: `pm2 ${VERSION}, 2 instances`,
  protocols: ['echo', 'http'],
  faults: ['throw', 'hang', 'answer-wrong'],
  missing,
  async start(stage, protocol) {
    const port = await freePort();
    const run = (...words) =>
      runCommand(stage, [process.execPath, COMMAND, ...words], {
        deadline: DEADLINE,
        environment: { PM2_HOME: stage.path('pm2') },
      });
    const { exitCode, lines } = await run('start', configuration(stage, protocol, port));
    if (exitCode !== 0) throw new Error(['pm2 start failed', ...lines].join('\n  '));
    return { port, restart: () => run('reload', 'service') };
  },
};

function configuration(stage, protocol, port) {
  const path = stage.path('ecosystem.config.json');
  const service = {
    name: 'service',
    script: PROGRAM,
    args: [protocol, String(port)],
    exec_mode: 'cluster',
    instances: 2,
    wait_ready: true,
    listen_timeout: 3000,
    kill_timeout: 1600,
  };
  writeFileSync(path, JSON.stringify({ apps: [service] }));
  return path;
}

function missing() {
  if (existsSync(COMMAND)) return undefined;
  const words = ['install', '--prefix', FOLDER, '--no-save', '--no-audit', '--no-fund', '--ignore-scripts'];
  const { status } = spawnSync('npm', [...words, `pm2@${VERSION}`], {
    stdio: 'ignore',
    timeout: INSTALL_DEADLINE,
  });
  return status === 0 && existsSync(COMMAND) ? undefined : 'npm could not install it';
}
