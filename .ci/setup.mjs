/**
 * Makes a clone ready to run tests and examples with Node and npm alone: installs the dependencies when they
 * differ from package-lock.json, and builds dist/ when src/ differs from what was last built. Says what it does;
 * silent when nothing is to do. Needs no C++ compiler: the addon in prebuilds/ serves.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const inRoot = (...parts) => join(root, ...parts);

const buildFiles = [
  'tsconfig.json',
  'tsconfig.build.json',
  'rolldown.config.mjs',
  'native/source-digest.mjs',
];
const library = ['index', 'http', 'keeper', 'shared'].map((name) => `dist/${name}.js`);
const bundles = [...library, 'dist/pino.js', 'dist/licenses.txt', 'dist/cli.js', 'dist/command.js'];
const lockFolder = inRoot('.ci', '.setup-lock');
const lockMaxAgeMilliseconds = 10 * 60_000;
const installRecord = inRoot('node_modules', '.uninterruptible-setup');
const buildRecord = inRoot('node_modules', '.uninterruptible-build');

class SetupError extends Error {}

try {
  requireNode(20, 19);
  if (!isInstalled() || !isBuilt()) {
    await exclusively(() => {
      // Asked again, because whoever held the lock may have done it.
      if (!isInstalled()) install();
      if (!isBuilt()) build();
    });
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`setup: ${error.message}`);
  process.exitCode = 1;
}

function requireNode(major, minor) {
  const [ourMajor, ourMinor] = process.versions.node.split('.').map(Number);
  if (ourMajor > major || (ourMajor === major && ourMinor >= minor)) return;
  throw new SetupError(`Node ${major}.${minor} or newer is needed; this is Node ${process.versions.node}.`);
}

function isInstalled() {
  const digest = digestOf(['package-lock.json']);
  if (read(installRecord) === digest) return true;
  if (!treeMatchesLock()) return false;
  // Somebody else ran `npm ci` or `npm install`.
  writeFileSync(installRecord, digest);
  return true;
}

/** Whether the tree npm says it has installed is the one of package-lock.json. */
function treeMatchesLock() {
  const installed = read(inRoot('node_modules', '.package-lock.json'));
  if (installed === undefined) return false;
  const { packages: have } = JSON.parse(installed);
  const { packages: want } = JSON.parse(readFileSync(inRoot('package-lock.json'), 'utf8'));
  const same = (path) =>
    want[path]?.version === have[path]?.version && want[path]?.integrity === have[path]?.integrity;
  return (
    Object.keys(have).every(same) &&
    Object.keys(want).every(
      (path) =>
        path === '' || path in have || want[path].optional === true || want[path].devOptional === true,
    )
  );
}

function install() {
  console.error('setup: installing the dependencies (npm ci --ignore-scripts)');
  // The npm that runs us, if one does; with the development dependencies, whatever NODE_ENV says.
  // What development dependencies warn of is nothing that whoever runs a demo could act on.
  const arguments_ = [
    'ci',
    '--ignore-scripts',
    '--include=dev',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  const npm = process.env.npm_execpath;
  if (npm !== undefined && /npm-cli\.c?js$/.test(npm)) run('npm ci', process.execPath, [npm, ...arguments_]);
  else run('npm ci', 'npm', arguments_);
  writeFileSync(installRecord, digestOf(['package-lock.json']));
}

function isBuilt() {
  const record = read(buildRecord);
  return record !== undefined && record === `${sourceDigest()} ${builtAt()}`;
}

function build() {
  const digest = sourceDigest();
  console.error('setup: building dist/');
  const tsc = inRoot('node_modules', 'typescript', 'bin', 'tsc');
  run('the compiler', process.execPath, [tsc, '-p', 'tsconfig.build.json']);
  const rolldown = inRoot('node_modules', 'rolldown', 'bin', 'cli.mjs');
  run('the bundler', process.execPath, [rolldown, '--config']);
  removeOrphans();
  writeFileSync(buildRecord, `${digest} ${builtAt()}`);
}

function sourceDigest() {
  const sources = filesIn('src').filter((file) => file.endsWith('.ts'));
  return digestOf(['package-lock.json', ...buildFiles, ...sources]);
}

/** Changes when somebody else has built dist/, or removed some of it. */
function builtAt() {
  return bundles
    .map((file) => statSync(inRoot(file), { throwIfNoEntry: false })?.mtimeMs ?? 'missing')
    .join();
}

/** What nobody builds any more: it would go into the package. */
function removeOrphans() {
  // Nobody imports the command and the keeper, so they have no types.
  const typed = filesIn('src').filter((file) => !/^src\/(cli|exec|keeper)\//.test(file));
  const declarations = typed.map((file) => file.replace(/^src\/(.*)\.ts$/, 'dist/$1.d.ts'));
  const built = new Set([...bundles, ...library.map((file) => `${file}.map`), ...declarations]);
  for (const file of filesIn('dist')) {
    if (!built.has(file)) rmSync(inRoot(file), { force: true });
  }
}

function filesIn(folder) {
  return readdirSync(inRoot(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length).split(sep).join('/'))
    .sort();
}

function digestOf(files) {
  const hash = createHash('sha256');
  for (const file of files) {
    const content = read(inRoot(file));
    if (content === undefined) throw new SetupError(`${file} is missing; is this a complete clone?`);
    hash.update(`${file} ${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function run(what, command, arguments_) {
  // What it prints goes to stderr: stdout may belong to `npm pack --json`.
  const { status, signal, error } = spawnSync(command, arguments_, { cwd: root, stdio: ['ignore', 2, 2] });
  if (error?.code === 'ENOENT') {
    throw new SetupError(`${basename(command)} was not found; it comes with Node.`);
  }
  if (error !== undefined) throw error;
  if (status !== 0) {
    const end = signal === null ? `exit code ${status}` : signal;
    throw new SetupError(`${what} failed (${end}); its messages are above.`);
  }
}

/** One setup at a time in this folder; a lock left by a process that died is taken over. */
async function exclusively(work) {
  const owner = join(lockFolder, 'pid');
  let told = false;
  for (;;) {
    try {
      mkdirSync(lockFolder);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isAbandoned(owner)) {
      rmSync(lockFolder, { recursive: true, force: true });
      continue;
    }
    if (!told) console.error('setup: another setup is running here; waiting for it');
    told = true;
    await sleep(100);
  }
  try {
    writeFileSync(owner, String(process.pid));
    work();
  } finally {
    rmSync(lockFolder, { recursive: true, force: true });
  }
}

function isAbandoned(owner) {
  const since = statSync(lockFolder, { throwIfNoEntry: false })?.mtimeMs;
  if (since === undefined) return false;
  const age = Date.now() - since;
  const pid = Number(read(owner));
  // Without a pid it was made an instant ago, or its maker died in that instant.
  if (!(pid > 0)) return age > 5_000;
  if (age > lockMaxAgeMilliseconds) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}
