// What a service does wrong on purpose, generation by generation, so that it can be seen that a soak notices.
import { openSync, writeFileSync } from 'node:fs';

/** How many generations there were, as the environment that they hand on says. */
const COUNT = 'SOAK_PLANTED_COUNT';
const GROWING = 'SOAK_PLANTED_TEXT';
const MORE_MEMORY = 512 * 1024;
const MORE_MILLISECONDS = 10;
/** Of each generation this connection is cut. */
const CUT = 5;

const held = [];

export function planted(plants, path) {
  if (plants.length === 0) return { accepted() {} };
  const { env } = process;
  const count = Number(env[COUNT] ?? 0) + 1;
  env[COUNT] = String(count);
  if (plants.includes('descriptor')) for (let n = 0; n < count; n += 1) openSync('/dev/null');
  if (plants.includes('environment')) env[GROWING] = `${env[GROWING] ?? ''}${'x'.repeat(64)}`;
  if (plants.includes('memory')) held.push(Buffer.alloc(count * MORE_MEMORY, 1));
  if (plants.includes('file')) writeFileSync(`${path}.${count}`, '');
  if (plants.includes('time')) block(count * MORE_MILLISECONDS);
  let connections = 0;
  return {
    accepted(socket) {
      connections += 1;
      if (connections === CUT && plants.includes('loss')) socket.destroy();
    },
  };
}

function block(milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
