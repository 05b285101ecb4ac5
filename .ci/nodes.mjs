/**
 * Runs tests under other versions of Node, whose programs are installed into .ci/nodes/ once (no script of theirs runs).
 *
 *     nodes.mjs VERSION,… [-- VITEST ARGUMENTS]     e.g. nodes.mjs 22,26 -- test/http; all tests unless told
 *
 * vitest itself runs under that Node, which is the first one in PATH too, and all use the same prebuilt addon. With
 * TEST_REPORT=<path>.json the report of version 22 is <path>-22.json. Says at the end which versions ran and how long; exit
 * code 1 if one is missing or failed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, '.ci', 'nodes');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');

const [versions = '', separator = '--', ...tests] = process.argv.slice(2);
if (!/^\d+(,\d+)*$/.test(versions) || separator !== '--') {
  console.error('usage: nodes.mjs VERSION,… [-- VITEST ARGUMENTS]');
  process.exit(2);
}

const wanted = versions.split(',').map(Number);
const outcomes = [];
install(wanted.filter((major) => versionOf(major) === undefined));
for (const major of wanted) outcomes.push({ major, ...run(major) });

console.log('');
for (const { major, version, status, signal, seconds } of outcomes) {
  const failed = signal ? `ended by ${signal}` : 'failed';
  const outcome = version === undefined ? 'missing' : `${status === 0 ? 'passed' : failed} in ${seconds} s`;
  console.log(`Node ${version ?? major}: ${outcome}`);
}
process.exitCode = outcomes.every(({ status }) => status === 0) ? 0 : 1;

function nodeOf(major) {
  return join(folder, 'node_modules', `n${major}`, 'bin', 'node');
}

/** What a program of this major says it is, or undefined if there is none that runs. */
function versionOf(major) {
  const node = nodeOf(major);
  if (!existsSync(node)) return undefined;
  const { status, stdout } = spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' });
  return status === 0 && stdout.startsWith(`${major}.`) ? stdout.trim() : undefined;
}

/** In a folder of its own: in the tree's node_modules npm would undo what package-lock.json says. */
function install(majors) {
  if (majors.length === 0) return;
  console.log(`installing Node ${majors.join(', ')} into .ci/nodes`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{\n  "private": true\n}\n');
  const { platform, arch } = process;
  // All of them: npm removes what it is not asked for.
  const packages = wanted.map((major) => `n${major}@npm:node-${platform}-${arch}@${major}`);
  const options = ['--ignore-scripts', '--no-save', '--no-package-lock', '--no-audit', '--no-fund'];
  spawnSync('npm', ['install', ...options, ...packages], { cwd: folder, stdio: ['ignore', 2, 2] });
}

function run(major) {
  const version = versionOf(major);
  if (version === undefined) return { version, status: 1 };
  console.log(`\n== Node ${version}: vitest run ${tests.join(' ')}`);
  const report = process.env.TEST_REPORT?.replace(/\.json$/, `-${major}.json`);
  const start = performance.now();
  const { status, signal } = spawnSync(nodeOf(major), [vitest, 'run', ...tests], {
    cwd: root,
    env: {
      ...process.env,
      PATH: `${dirname(nodeOf(major))}${delimiter}${process.env.PATH}`,
      PREBUILDS_ONLY: '1',
      ...(report !== undefined && { TEST_REPORT: report }),
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return { version, status, signal, seconds: Math.round((performance.now() - start) / 1000) };
}
