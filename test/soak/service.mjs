// The service that is soaked: lines and their echo, the same in TLS, and HTTP. Each generation tells of itself at the same
// point of its life. usage: node --expose-gc service.mjs <options.json>; see service.ts for the options.
import { subscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { run, Server } from 'uninterruptible';
import { HttpServer } from 'uninterruptible/http';
import { look } from './look.mjs';
import { planted } from './planted.mjs';

const optionsPath = process.argv[2];
const { common, tls, lookAfter, plants } = JSON.parse(readFileSync(optionsPath, 'utf8'));
const plant = planted(plants, common.controlPath);

class EchoServer extends Server {
  acceptClientConnection(socket, listener) {
    plant.accepted(socket);
    return super.acceptClientConnection(socket, listener);
  }

  handleRequest(socket) {
    return new Promise((resolve) => {
      let rest = '';
      socket.setEncoding('latin1');
      socket.on('data', (text) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop();
        for (const line of lines) socket.write(answer(line));
      });
      socket.on('end', resolve);
      socket.on('close', resolve);
    });
  }
}

/** `bulk 1000` is answered with a line of 1,000 bytes, anything else with itself and the pid. */
function answer(line) {
  const bytes = /^bulk (\d+)$/.exec(line)?.[1];
  return bytes === undefined ? `${line} ${process.pid}\n` : `${'x'.repeat(Number(bytes) - 1)}\n`;
}

/** Milliseconds for which this process could have run, and others did. */
function waitedForProcessor() {
  return Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[1]) / 1e6;
}

const command = [process.execPath, ...process.execArgv, process.argv[1], optionsPath];
const options = { startCommand: plant.started(command), bind: 'tcp://127.0.0.1:0', ...common };
const servers = [
  new EchoServer(options),
  new HttpServer((_request, response) => response.end(String(process.pid)), options),
  ...(tls === undefined ? [] : [new EchoServer({ ...options, ...tls })]),
];

subscribe('uninterruptible:handover', ({ step, generation }) => {
  if (step !== 'serving') return;
  const waited = waitedForProcessor();
  const connections = () => servers.reduce((sum, { activeConnections }) => sum + activeConnections, 0);
  setTimeout(() => look({ msg: 'looked', generation, waited }, connections()), lookAfter).unref();
});

await run(...servers);
