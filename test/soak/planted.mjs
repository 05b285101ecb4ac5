// What a service does wrong on purpose, a little more in each generation, so that it can be seen that a soak notices.
import { openSync, writeFileSync } from 'node:fs';

/** What a generation inherits by its start command: the library hands on only what a process was started with. */
const COUNT = 'SOAK_PLANTED_COUNT';
const TEXT = 'SOAK_PLANTED_TEXT';
const MORE_TEXT = 'x'.repeat(64);
const MORE_MEMORY = 512 * 1024;
const MORE_MILLISECONDS = 10;
/** Of each generation this connection is cut. */
const CUT = 5;

const held = [];

/** `started` gives the command to start the next generation with, `accepted` is to be told of each connection. */
export function planted(plants, path) {
  const count = Number(process.env[COUNT] ?? 0) + 1;
  const text = `${process.env[TEXT] ?? ''}${MORE_TEXT}`;
  if (plants.includes('descriptor')) for (let n = 0; n < count; n += 1) openSync('/dev/null');
  if (plants.includes('memory')) held.push(Buffer.alloc(count * MORE_MEMORY, 1));
  if (plants.includes('file')) writeFileSync(`${path}.${count}`, '');
  if (plants.includes('time')) block(count * MORE_MILLISECONDS);
  const variables = [`${COUNT}=${count}`, ...(plants.includes('environment') ? [`${TEXT}=${text}`] : [])];
  let connections = 0;
  return {
    started: (command) => (plants.length === 0 ? command : ['env', ...variables, ...command]),
    accepted(socket) {
      connections += 1;
      if (connections === CUT && plants.includes('loss')) socket.destroy();
    },
  };
}

function block(milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
