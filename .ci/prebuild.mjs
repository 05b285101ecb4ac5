/**
 * Builds prebuilds/ anew, on Linux and x64: the addon for this machine, and with Debian's cross compiler
 * (g++-aarch64-linux-gnu) that for arm64. To be run, and the result committed, whenever native/ changes.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const prebuildify = fileURLToPath(new URL('../node_modules/prebuildify/bin.js', import.meta.url));
const triplet = 'aarch64-linux-gnu';
const targets = [
  { arch: 'x64', environment: {} },
  {
    arch: 'arm64',
    environment: {
      CC: `${triplet}-gcc`,
      CXX: `${triplet}-g++`,
      PREBUILD_STRIP_BIN: `${triplet}-strip`,
    },
  },
];

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.error(`prebuild: this is for Linux on x64, not for ${process.platform} on ${process.arch}`);
  process.exit(1);
}
try {
  for (const { arch, environment } of targets) {
    console.error(`prebuild: ${arch}`);
    const target = ['--napi', '--strip', '--arch', arch, '--target', process.versions.node];
    const { status } = spawnSync(process.execPath, [prebuildify, ...target], {
      cwd: root,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 2, 2],
    });
    if (status !== 0) {
      console.error(`prebuild: ${arch} failed`);
      process.exitCode = 1;
      break;
    }
  }
} finally {
  // What was built last would be found first, and need not be for this machine.
  rmSync(new URL('../build', import.meta.url), { recursive: true, force: true });
}
