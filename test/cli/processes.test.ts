import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { holdersOf, isStopped, locksHeldBy } from '../../src/cli/processes.js';
import { requirement } from '../support/requirements.js';

describe('what /proc tells', requirement('linux', 'proc'), () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'processes-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  const ours = (): string[] =>
    locksHeldBy(process.pid)
      .map(({ controlPath }) => controlPath)
      .filter((path) => path.startsWith(directory));

  test('an open lock file names the control path, until it is closed', () => {
    const path = join(directory, 'control');
    const file = openSync(`${path}.lock`, 'w+');
    expect(ours()).toEqual([path]);
    expect(holdersOf(path)).toEqual([process.pid]);
    closeSync(file);
    expect(ours()).toEqual([]);
    expect(holdersOf(path)).toEqual([]);
  });

  test('a lock file that was removed, or made anew by others, is that of no server', () => {
    const path = join(directory, 'control');
    const file = openSync(`${path}.lock`, 'w+');
    rmSync(`${path}.lock`);
    expect(ours()).toEqual([]);
    closeSync(openSync(`${path}.lock`, 'w+'));
    expect(ours()).toEqual([]);
    expect(holdersOf(path)).toEqual([]);
    closeSync(file);
  });

  test('a process is stopped', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    await once(child, 'spawn');
    const pid = child.pid ?? 0;
    expect(isStopped(pid)).toBe(false);
    child.kill('SIGSTOP');
    await expect.poll(() => isStopped(pid)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isStopped(pid)).toBe(false);
  });
});
