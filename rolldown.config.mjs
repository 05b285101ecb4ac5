/**
 * dist: the whole library in one file for each entry, and one for what they share. Loading it so costs a quarter of what its
 * seventy modules cost, at each start of each generation; and a running server reads nothing of a release that a deploy
 * has replaced since.
 */
import { defineConfig } from 'rolldown';

const common = { platform: 'node', transform: { target: 'es2023' } };

export default defineConfig([
  {
    ...common,
    input: { index: 'src/index.ts', http: 'src/http.ts', keeper: 'src/keeper/main.ts' },
    external: [/^node:/, 'pino'],
    output: {
      dir: 'dist',
      format: 'esm',
      entryFileNames: '[name].js',
      chunkFileNames: 'shared.js',
      sourcemap: true,
      // One file for what any two share: else what a server loads would be cut up for the keeper.
      codeSplitting: { groups: [{ name: 'shared', minShareCount: 2 }] },
    },
  },
  {
    // For itself, so that what a server loads is not cut up for what only the command shares with it.
    ...common,
    input: { cli: 'src/cli/main.ts' },
    external: [/^node:/, 'commander'],
    output: {
      dir: 'dist',
      format: 'esm',
      entryFileNames: '[name].js',
      // Nobody debugs it in a server; names stay, for a stack trace in a report.
      minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
    },
  },
]);
