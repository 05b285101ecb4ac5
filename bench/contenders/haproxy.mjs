// HAProxy in master-worker mode, whose new worker gets the sockets of the old one. It runs no program of ours: what a restart
// costs by itself.
import { writeFileSync } from 'node:fs';
import { freePort } from '../free-port.mjs';
import { Launched } from '../launched.mjs';
import { accepting } from './accepting.mjs';
import { installed, missingProgram } from './installed.mjs';

export const haproxy = {
  name: 'HAProxy',
  how: 'USR2 to the master, 2 threads',
  protocols: ['http'],
  faults: [],
  missing: () => missingProgram('haproxy'),
  async start(stage) {
    const port = await freePort();
    const path = stage.path('haproxy.cfg');
    writeFileSync(path, configuration(stage, port));
    const launched = new Launched(stage, [installed('haproxy'), '-W', '-db', '-f', path]);
    await accepting(port, launched);
    return {
      port,
      async restart() {
        launched.kill('SIGUSR2');
        return { exitCode: null };
      },
    };
  },
};

function configuration(stage, port) {
  return `
global
  stats socket ${stage.path('haproxy.sock')} expose-fd listeners
  nbthread 2
  hard-stop-after 60s
defaults
  mode http
  timeout client 60s
frontend service
  bind 127.0.0.1:${port}
  http-request return status 200 content-type text/plain lf-string "%pid\\n"
`;
}
