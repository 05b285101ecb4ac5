/** A Node for arm64 that runs here under qemu-user, if `node .ci/arm64.mjs` has installed one. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const NODE = fileURLToPath(new URL('../../.ci/nodes-arm64/node_modules/node/bin/node', import.meta.url));

/** How it is started: the words before its arguments. */
export const ARM64_NODE = ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu', NODE] as const;

/** Why it cannot run here, or undefined. */
export function arm64CannotRun(): string | undefined {
  const [qemu, ...args] = ARM64_NODE;
  const { status, stdout } = spawnSync(qemu, [...args, '-p', 'process.arch'], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  // Where there is no qemu there is no output either, whatever the types say.
  return status === 0 && stdout.trim() === 'arm64'
    ? undefined
    : 'no Node for arm64 runs here: see .ci/arm64.mjs for what that needs';
}
