/**
 * Fuzzes the addon with libFuzzer, ASan and UBSan (Debian's clang and libclang-rt-14-dev): the walk over control messages, and
 * everything that JavaScript can call.
 *
 *     npm run fuzz -- [--seconds N] [--target ancillary_data|entry_points]
 *     npm run fuzz -- --target entry_points --input FILE      tries one input again, and prints its calls
 *
 * 60 seconds in all unless told, of which the entry points get most. What was found worth keeping is kept in
 * build/fuzz/TARGET/corpus. Exit code 0: nothing was found. Else the input that shows it lies in build/fuzz/TARGET/.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildEntryPoints, runtime } from './entry-points/build.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** By name: which part of the time it gets, and what makes a command of libFuzzer's arguments. */
const targets = {
  ancillary_data: { part: 1, build: buildAncillaryData, options: ['-max_len=1100'] },
  entry_points: {
    part: 3,
    build: buildEntryPointsCommand,
    options: ['-max_len=256', '-len_control=0', '-timeout=6'],
  },
};

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    target: { type: 'string' },
    input: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
if (!(Number.isInteger(seconds) && seconds > 0)) {
  refuse(`--seconds is a whole number above 0, not ${values.seconds}`);
}
if (values.target !== undefined && !Object.hasOwn(targets, values.target)) {
  refuse(`--target is ${Object.keys(targets).join(' or ')}, not ${values.target}`);
}
if (values.input !== undefined && values.target === undefined) refuse('--input needs the --target it is for');

const chosen = values.target === undefined ? Object.keys(targets) : [values.target];
const parts = chosen.reduce((sum, name) => sum + targets[name].part, 0);
try {
  for (const name of chosen) {
    await fuzz(name, Math.max(1, Math.round((seconds * targets[name].part) / parts)));
  }
} catch (error) {
  console.error(`fuzz: ${error.message}`);
  process.exitCode = 1;
}

async function fuzz(name, time) {
  const { build, options } = targets[name];
  const folder = join(root, 'build', 'fuzz', name);
  const corpus = join(folder, 'corpus');
  mkdirSync(corpus, { recursive: true });
  const { command, words, environment } = await build(folder);
  console.error(`fuzz: ${name}${values.input === undefined ? ` for ${time} s` : ''}`);
  const work =
    values.input === undefined
      ? [`-max_total_time=${time}`, '-print_final_stats=1', ...options, corpus]
      : [resolve(values.input)];
  // Short, because it is a part of paths that have just as much room as they need.
  const cwd = mkdtempSync(join(tmpdir(), 'fuzz-'));
  try {
    run(command, [...words, `-artifact_prefix=${folder}/`, ...work], { cwd, environment });
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

function buildAncillaryData(folder) {
  const target = join(folder, 'ancillary_data');
  run('clang++', [
    ...['-std=c++17', '-g', '-O1', '-fno-exceptions', '-Wall', '-Wextra', '-Werror'],
    ...['-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all'],
    ...[join(root, 'test', 'fuzz', 'ancillary_data.cc'), '-o', target],
  ]);
  return { command: target, words: [], environment: {} };
}

async function buildEntryPointsCommand(folder) {
  const { library, program } = await buildEntryPoints(folder);
  const environment = {
    LD_PRELOAD: runtime('asan', 'so'),
    // What is too large for the machine is refused, as it would be there. Leaks are what test:sanitize looks for: here they are
    // those of V8, which never ends.
    ASAN_OPTIONS:
      'detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=256:quarantine_size_mb=64',
    UBSAN_OPTIONS: 'print_stacktrace=1',
    ...(values.input === undefined ? {} : { FUZZ_TRACE: '1' }),
  };
  // V8's own handler of SIGSEGV would come before that of ASan.
  const node = ['--expose-gc', '--disable-wasm-trap-handler', program, library];
  return {
    command: process.execPath,
    words: [...node, '-rss_limit_mb=4096', '-detect_leaks=0', '-print_funcs=0'],
    environment,
  };
}

function run(command, words, { cwd = root, environment = {} } = {}) {
  const { status, signal, error } = spawnSync(command, words, {
    cwd,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error !== undefined) throw new Error(`${command} could not be started: ${error.message}`);
  if (status !== 0) throw new Error(`${command} ended with ${signal ?? status}`);
}

function refuse(why) {
  console.error(why);
  process.exit(2);
}
