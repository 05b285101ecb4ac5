// One server, on Node alone or on the library, that never restarts. Asked over its channel, it says what memory it has, after a
// collection of garbage. usage: node --expose-gc steady.mjs <net|http|tls|https> <raw|library> [<key> <certificate>]
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Server } from 'uninterruptible';
import { HttpServer } from 'uninterruptible/http';
import { answerPid, echo } from './handlers.mjs';

const [kind, who, ...pair] = process.argv.slice(2);
const [key, certificate] = pair.map((path) => readFileSync(path, 'utf8'));
/** Idle connections stay as long as the measurement. */
const http = { keepAliveTimeout: 300_000 };

class EchoServer extends Server {
  handleRequest(socket) {
    echo(socket);
  }
}

const raw = {
  net: () => createServer(echo),
  tls: () => createTlsServer({ key, cert: certificate }, echo),
  http: () => createHttpServer(http, answerPid),
  https: () => createHttpsServer({ ...http, key, cert: certificate }, answerPid),
};

function listenRaw() {
  const server = raw[kind]();
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
}

async function listenLibrary() {
  const server = kind.startsWith('http')
    ? new HttpServer(answerPid, { httpOptions: http })
    : new EchoServer();
  server.configure({ bind: 'tcp://127.0.0.1:0', logLevel: 'warn' });
  if (key !== undefined) server.configure({ tlsKey: key, tlsCertificate: certificate });
  await server.start();
  process.send({ port: server.boundListeners[0].port });
}

process.on('message', () => {
  globalThis.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send({ resident: rss, heap: heapUsed + external });
});
process.on('disconnect', () => process.exit());
await (who === 'raw' ? listenRaw() : listenLibrary());
