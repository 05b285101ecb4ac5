// nginx, which starts new workers on the sockets its master holds. It runs no program of ours: what a restart costs by itself.
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { freePort } from '../free-port.mjs';
import { Launched, runCommand } from '../launched.mjs';
import { accepting } from './accepting.mjs';
import { installed, missingProgram } from './installed.mjs';

const DEADLINE = 10_000;

export const nginx = {
  name: 'nginx',
  how: '`nginx -s reload`, 2 workers',
  protocols: ['http'],
  faults: [],
  missing: () => missingProgram('nginx'),
  async start(stage) {
    const port = await freePort();
    const path = stage.path('nginx.conf');
    writeFileSync(path, configuration(stage, port));
    // Started by its absolute path: it executes itself by that.
    const command = [installed('nginx'), '-p', stage.directory, '-c', path, '-e', stage.path('nginx.log')];
    const launched = new Launched(stage, command);
    await accepting(port, launched);
    return { port, restart: () => runCommand(stage, [...command, '-s', 'reload'], { deadline: DEADLINE }) };
  },
};

function configuration(stage, port) {
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
${process.getuid() === 0 ? `user ${userInfo().username};` : ''}
worker_processes 2;
pid ${stage.path('nginx.pid')};
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 100000;
  ${folders.map((name) => `${name}_temp_path ${stage.path(name)};`).join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    location / { return 200 "$pid\\n"; }
  }
}
`;
}
