/** Random bytes for secrets, without node:crypto: it costs every generation 2 ms to load, and few have another use for it. */
import { closeSync, openSync, readSync } from 'node:fs';

/** Never fewer are read than asked for, up to this many (random(4)). */
const MOST = 256;

/** The kernel's, which node:crypto is seeded from; where they are not to be had (no /dev, another system) those of node:crypto. */
export function randomBytes(count: number, device = '/dev/urandom'): Buffer {
  if (count > MOST) throw new RangeError(`at most ${MOST} bytes`);
  try {
    const bytes = Buffer.alloc(count);
    const file = openSync(device, 'r');
    try {
      if (readSync(file, bytes) === count) return bytes;
    } finally {
      closeSync(file);
    }
  } catch {
    // As below.
  }
  return process.getBuiltinModule('node:crypto').randomBytes(count);
}
