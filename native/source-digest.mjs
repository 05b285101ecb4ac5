/** What says whether a binary was built from certain sources: it has their digest in it. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The SHA-256 over the addon's sources below `root`: native/*.{h,cc,gypi}. The same on every machine: names in
 * code unit order, line endings as LF.
 */
export function sourceDigest(root) {
  const names = readdirSync(join(root, 'native'))
    .filter((name) => /\.(?:h|cc|gypi)$/.test(name))
    .map((name) => `native/${name}`)
    .sort();
  const digest = createHash('sha256');
  for (const name of names) {
    const content = Buffer.from(textOf(join(root, name)).replaceAll('\r\n', '\n'), 'latin1');
    // The length keeps a line moved from one file to the next from going unnoticed.
    digest.update(`${name}\0${content.length}\0`).update(content);
  }
  return digest.digest('hex');
}

/** It may be somebody else's package: a FIFO would keep whoever looks waiting. */
function textOf(path) {
  if (!statSync(path).isFile()) throw new Error(`${path} is no file`);
  return readFileSync(path, 'latin1');
}
