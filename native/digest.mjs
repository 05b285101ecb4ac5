/**
 * Prints the SHA-256 over the addon's sources: native/*.{h,cc} and binding.gyp. The same on every machine:
 * names in code unit order, line endings as LF.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

const root = new URL('..', import.meta.url);
const names = readdirSync(new URL('native/', root))
  .filter((name) => name.endsWith('.h') || name.endsWith('.cc'))
  .map((name) => `native/${name}`)
  .concat('binding.gyp')
  .sort();

const digest = createHash('sha256');
for (const name of names) {
  const content = Buffer.from(readFileSync(new URL(name, root), 'latin1').replaceAll('\r\n', '\n'), 'latin1');
  // The length keeps a line moved from one file to the next from going unnoticed.
  digest.update(`${name}\0${content.length}\0`).update(content);
}
console.log(digest.digest('hex'));
