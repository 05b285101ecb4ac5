/**
 * Fuzzes the walk over control messages with libFuzzer, ASan and UBSan (Debian's clang and libclang-rt-14-dev).
 *
 *     npm run fuzz -- [--seconds N]     60 unless told; what was found worth keeping is kept in build/fuzz/corpus
 *
 * Exit code 0: nothing was found. Else the input that shows it lies in build/fuzz/, and is tried again with
 * `build/fuzz/ancillary_data FILE`.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, 'build', 'fuzz');
const target = join(folder, 'ancillary_data');
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } });
const seconds = Number(values.seconds);
if (!(Number.isInteger(seconds) && seconds > 0)) {
  console.error(`--seconds is a whole number above 0, not ${values.seconds}`);
  process.exit(2);
}

mkdirSync(join(folder, 'corpus'), { recursive: true });
run('clang++', [
  ...['-std=c++17', '-g', '-O1', '-fno-exceptions', '-Wall', '-Wextra', '-Werror'],
  ...['-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all'],
  ...[join(root, 'test', 'fuzz', 'ancillary_data.cc'), '-o', target],
]);
run(target, [`-max_total_time=${seconds}`, '-max_len=1100', '-print_final_stats=1', 'corpus']);

function run(command, words) {
  const { status, error } = spawnSync(command, words, {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error !== undefined) console.error(`${command} could not be started: ${error.message}`);
  if (status !== 0) process.exit(1);
}
