/**
 * Tests the addon built with AddressSanitizer and UndefinedBehaviorSanitizer: what it and the exchange of messages do, and
 * then, in a plain program because the test runner leaks by itself, what it does not free.
 *
 * Builds into build/, and removes that again: an addon that needs sanitizers would be found first.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const program = join(root, 'test', 'native', 'fixtures', 'everything.mjs');

/** Where the compiler keeps it. */
const library = (name) => spawnSync('gcc', [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout.trim();
const sanitized = (leaks) => ({
  LD_PRELOAD: `${library('libasan.so')} ${library('libubsan.so')}`,
  ASAN_OPTIONS: `detect_leaks=${leaks ? 1 : 0}`,
  UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
});

try {
  // With the headers that came with this Node, where they did: then nothing is downloaded.
  const headers = fileURLToPath(new URL('..', `file://${process.execPath}`));
  run('npm', ['run', 'build:native', '--', `--nodedir=${headers}`, '--', '-Dsanitize=true']);
  const tests = ['--project', 'unit', 'test/native', 'test/handover'];
  run(process.execPath, [vitest, 'run', ...tests], sanitized(false));
  run(process.execPath, [program], sanitized(true));
  console.log('nothing found by the sanitizers, nothing leaked');
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(join(root, 'build'), { recursive: true, force: true });
}

function run(command, words, environment = {}) {
  const { status, signal } = spawnSync(command, words, {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error(`sanitize: ${command} ${words[0]} failed (${signal ?? status})`);
}
