// As much as a server can take: each client has one question out at a time, on a connection it keeps (`requests`) or on a new
// one each (`connections`). Counts them, and the processor time the server had meanwhile.
// usage: node closed-loop.mjs <JSON: { pid, port, tls, protocol, mode, clients, warmUp, duration }>
import { cpuOf } from '../observe/cpu.mjs';
import { answerLength, open, question } from './learn.mjs';

const { pid, port, tls, protocol, mode, clients, warmUp, duration } = JSON.parse(process.argv[2]);
const target = { port, tls };
const text = question(protocol, { isOnly: mode === 'connections' });
const expected = await answerLength(target, text);

let operations = 0;
let failed = 0;
let isOver = false;

function keepAsking() {
  const socket = open(target);
  let received = 0;
  socket.on('error', () => (failed += 1));
  socket.on('data', (chunk) => {
    received += chunk.length;
    if (received < expected) return;
    received = 0;
    operations += 1;
    if (isOver) socket.destroy();
    else socket.write(text);
  });
  socket.write(text);
}

function keepConnecting() {
  const socket = open(target);
  let received = 0;
  socket.on('error', () => (failed += 1));
  socket.on('data', (chunk) => {
    received += chunk.length;
    if (received === expected) socket.end();
  });
  socket.on('close', () => {
    operations += 1;
    if (!isOver) keepConnecting();
  });
  socket.write(text);
}

const begin = mode === 'requests' ? keepAsking : keepConnecting;
for (let client = 0; client < clients; client += 1) begin();

const moment = () => ({ operations, cpu: cpuOf(pid), at: performance.now() });
let from;
setTimeout(() => (from = moment()), warmUp);
setTimeout(() => {
  const until = moment();
  isOver = true;
  const counts = {
    operations: until.operations - from.operations,
    elapsed: until.at - from.at,
    cpu: until.cpu - from.cpu,
    failed,
  };
  process.stdout.write(`${JSON.stringify({ bench: 'counted', ...counts })}\n`, () => process.exit());
}, warmUp + duration);
