/**
 * Builds the target of the entry points: one library of the addon, entry_points.cc and libFuzzer, and one program of main.ts.
 * What was compiled since its sources changed is not compiled again.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const native = join(root, 'native');
const harness = join(root, 'test', 'fuzz', 'entry_points.cc');

// As in native/addon.gypi.
const defines = [
  'NAPI_VERSION=8',
  'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS',
  'NODE_ADDON_API_DISABLE_DEPRECATED',
  'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
  'BUILDING_NODE_EXTENSION',
  'UNINTERRUPTIBLE_SOURCE_DIGEST="fuzzed"',
];
const sanitizers = '-fsanitize=fuzzer-no-link,address,undefined';
const flags = [
  ...['-std=c++17', '-g', '-O1', '-fno-omit-frame-pointer', '-fPIC', '-fvisibility=hidden'],
  ...['-fno-exceptions', '-fno-rtti', '-Wall', '-Wextra', '-Werror'],
  ...[sanitizers, '-fno-sanitize-recover=all', ...defines.map((define) => `-D${define}`)],
];

/** Builds both into the folder: `{ library, program }`. */
export async function buildEntryPoints(folder) {
  const objects = join(folder, 'objects');
  const library = join(folder, 'entry_points.node');
  const program = join(folder, 'main.cjs');
  mkdirSync(objects, { recursive: true });

  const headers = [nodeHeaders(), dirname(createRequire(import.meta.url).resolve('node-addon-api'))];
  const compiled = await compileAll(
    headers.flatMap((path) => ['-isystem', path]),
    objects,
  );
  await run('clang++', [
    ...['-shared', sanitizers, '-shared-libasan', ...compiled],
    // The shared runtime of ASan has hooks for coverage that do nothing: ours are to be called.
    ...['-Wl,-Bsymbolic', runtime('fuzzer_no_main', 'a'), '-o', library],
  ]);
  await build({
    input: join(root, 'test', 'fuzz', 'entry-points', 'main.ts'),
    platform: 'node',
    // Run before the event loop, which an ES module would not be: the harness turns it.
    output: { file: program, format: 'cjs' },
    logLevel: 'warn',
  });
  return { library, program };
}

/** A library of clang's, by the names it has for architectures. */
export function runtime(name, ending) {
  const architecture = { x64: 'x86_64', arm64: 'aarch64' }[process.arch];
  const file = `libclang_rt.${name}-${architecture}.${ending}`;
  const { stdout, error } = spawnSync('clang++', [`-print-file-name=${file}`], { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`clang++ could not be started: ${error.message}`);
  const path = stdout.trim();
  if (!existsSync(path)) throw new Error(`clang++ has no ${file}; Debian has it in libclang-rt-14-dev`);
  return path;
}

/** Those that came with this Node, or those that node-gyp has fetched for it. */
function nodeHeaders() {
  const places = [
    join(dirname(dirname(process.execPath)), 'include', 'node'),
    join(homedir(), '.cache', 'node-gyp', process.versions.node, 'include', 'node'),
  ];
  const found = places.find((place) => existsSync(join(place, 'node_api.h')));
  if (found === undefined) {
    throw new Error(`no headers of Node in ${places.join(' or ')}; run: npx node-gyp install`);
  }
  return found;
}

/** As many at a time as there are processors. */
async function compileAll(includes, objects) {
  const addon = join(native, 'addon.cc'); // a part of the harness
  const sources = [...namesIn(native, '.cc').filter((file) => file !== addon), harness];
  const shared = [...namesIn(native, '.h'), fileURLToPath(import.meta.url)];
  const results = sources.map((source) => ({ source, object: join(objects, `${basename(source)}.o`) }));
  const waiting = results.filter(({ source, object }) => {
    const files = [...shared, source, ...(source === harness ? [addon] : [])];
    return timeOf(object) <= Math.max(...files.map(timeOf));
  });
  const compileNext = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      await run('clang++', [...flags, ...includes, '-c', next.source, '-o', next.object]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, compileNext));
  return results.map(({ object }) => object);
}

/** When it was changed; 0 if there is none. */
function timeOf(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function namesIn(folder, ending) {
  return readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));
}

function run(command, words) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', (error) => {
      reject(new Error(`${command} could not be started: ${error.message}`));
    });
    child.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} failed (${signal ?? code})`));
    });
  });
}
