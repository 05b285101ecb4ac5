// The Ruby gem `uninterruptible`, which does for Ruby what this library does for Node.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort } from '../free-port.mjs';
import { Launched } from '../launched.mjs';
import { accepting } from './accepting.mjs';
import { installed, missingProgram } from './installed.mjs';

const PROGRAM = fileURLToPath(new URL('ruby-gem.rb', import.meta.url));

export const rubyGem = {
  name: 'Ruby gem',
  how: '`kill -USR1`',
  protocols: ['echo'],
  faults: [],
  missing,
  async start(stage) {
    const port = await freePort();
    const pidFile = stage.path('server.pid');
    // It starts new versions with `bundle exec`, which asks for this.
    writeFileSync(stage.path('Gemfile'), "gem 'uninterruptible'\n");
    const launched = new Launched(stage, [installed('bundle'), 'exec', 'ruby', PROGRAM], {
      environment: { BENCH_PORT: String(port), BENCH_PROGRAM: PROGRAM, BENCH_PID_FILE: pidFile },
    });
    await accepting(port, launched);
    return {
      port,
      async restart() {
        process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGUSR1');
        return { exitCode: null };
      },
    };
  },
};

function missing() {
  const why = missingProgram('ruby') ?? missingProgram('bundle');
  if (why !== undefined) return why;
  const { status } = spawnSync(installed('ruby'), ['-e', "require 'uninterruptible'"], {
    stdio: 'ignore',
    timeout: 10_000,
  });
  return status === 0 ? undefined : 'the gem uninterruptible is not installed';
}
