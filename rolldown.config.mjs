/**
 * dist: the whole library in one file for each entry, and one for what they share. Loading it so costs a quarter of what its
 * seventy modules cost, at each start of each generation; and a running server reads nothing of a release that a deploy
 * has replaced since.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'rolldown';

/** What pino loads and does not need here takes as long as pino itself, at each start of each generation. */
const LEFT_OUT = {
  // Worker threads that write the log for whoever orders them: nobody does.
  transport: 'module.exports = undefined;',
  // One check that a descriptor is a number.
  assert: 'module.exports = (holds, message) => { if (!holds) throw new TypeError(message); };',
};
const lightened = {
  name: 'lightened',
  resolveId(id) {
    const name = /^(?:\.\/(?:lib\/)?(transport)|(?:node:)?(assert))$/.exec(id)?.slice(1).find(Boolean);
    return name === undefined ? null : `\0${name}`;
  },
  load(id) {
    return id.startsWith('\0') ? LEFT_OUT[id.slice(1)] : null;
  },
};

/** What is bundled is still its authors': their licences go along, each with the version it is of. */
const licences = {
  name: 'licences',
  generateBundle(_options, bundle) {
    const modules = Object.values(bundle).flatMap(({ moduleIds = [] }) => moduleIds);
    const packages = modules.flatMap(
      (path) => /^\/.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [],
    );
    const texts = [...new Set(packages)].sort().map((directory) => {
      const { name, version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
      return `${name} ${version}\n\n${readFileSync(join(directory, 'LICENSE'), 'utf8').trim()}\n`;
    });
    this.emitFile({ type: 'asset', fileName: 'licenses.txt', source: texts.join('\n\n') });
  },
};

const common = { platform: 'node', transform: { target: 'es2023' } };

export default defineConfig([
  {
    ...common,
    input: { index: 'src/index.ts', http: 'src/http.ts', keeper: 'src/keeper/main.ts' },
    external: [/^node:/, 'pino'],
    output: {
      paths: { pino: './pino.js' },
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
    // For itself, because a server with a logger of its own does not need it.
    ...common,
    input: { pino: 'pino' },
    plugins: [lightened, licences],
    output: { dir: 'dist', format: 'esm', entryFileNames: '[name].js' },
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
      chunkFileNames: '[name].js',
      // Nobody debugs it in a server; names stay, for a stack trace in a report.
      minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
    },
  },
]);
