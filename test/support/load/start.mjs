// Starts the load generator in a process of its own and gives the handle to it. The process never outlives us: its stdin is
// a pipe of ours, and it ends when that closes.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { LoadHandle } from './handle.mjs';

const PROGRAM = fileURLToPath(new URL('main.mjs', import.meta.url));

/** Resolves when the load has begun (and the long-lived connections, if any, are open). */
export async function startLoad(options) {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], {
    env: withoutNodeOptions(process.env),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const handle = new LoadHandle(child, options);
  await handle.started;
  return handle;
}

/** Coverage, inspectors and loaders of the caller would only slow the generator down. */
function withoutNodeOptions(environment) {
  return { ...environment, NODE_OPTIONS: undefined, NODE_V8_COVERAGE: undefined };
}
