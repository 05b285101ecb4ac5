/**
 * dist: the whole library in one file for each entry, and one for what they share. Loading it so costs a quarter of what its
 * seventy modules cost, at each start of each generation; and a running server reads nothing of a release that a deploy
 * has replaced since.
 */
import { defineConfig } from 'rolldown';

const common = { platform: 'node', transform: { target: 'es2023' } };
const output = { dir: 'dist', format: 'esm', entryFileNames: '[name].js', sourcemap: true };

export default defineConfig([
  {
    ...common,
    input: { index: 'src/index.ts', http: 'src/http.ts' },
    external: [/^node:/, 'pino'],
    output: { ...output, chunkFileNames: 'shared.js' },
  },
  { ...common, input: { supervise: 'src/supervise/main.ts' }, external: [/^node:/], output },
]);
