// The service on Node alone: started by hand, by a cluster's primary, or by pm2 (whose documented way of a graceful end and of
// being ready this is). usage: node plain.mjs <echo|http> <port>
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { answerPid, echo } from './handlers.mjs';

const [protocol, port] = process.argv.slice(2);
const server = protocol === 'http' ? createHttpServer(answerPid) : createServer(echo);

process.on('SIGINT', () => server.close(() => process.exit(0)));
server.listen(Number(port), '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ bench: 'serving', pid: process.pid })}\n`);
  process.send?.('ready');
});
