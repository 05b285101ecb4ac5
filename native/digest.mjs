/** Prints the digest of the addon's sources, for binding.gyp. */
import { fileURLToPath } from 'node:url';
import { sourceDigest } from './source-digest.mjs';

console.log(sourceDigest(fileURLToPath(new URL('..', import.meta.url))));
