/** exec: what a program and its keeper have from whoever started them, and what they leave to others. */
import { type ChildProcess } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { COMMAND, uninterruptible } from '../support/command.js';
import { ExecutedGenerations } from '../support/executed.js';
import { requirement } from '../support/requirements.js';

const WITHOUT_CLOSE_RANGE = fileURLToPath(new URL('../fixtures/without-close-range.py', import.meta.url));

let generations: ExecutedGenerations;
beforeEach(() => {
  generations = new ExecutedGenerations();
});
afterEach(() => generations.end());

/** A cold start by way of a command, such as a shell with redirections. */
function startThrough(through: [string, ...string[]], options: readonly string[] = []): ChildProcess {
  const control = ['--control', generations.controlPath, '--bind', `unix://${generations.unixPath}`];
  const words = [process.execPath, COMMAND, 'exec', ...control, '--ready-after', '0s', ...options, '--'];
  return generations.launch({ command: [...through, ...words, ...generations.python('cold')] });
}

function ask(line: string): Promise<string> {
  return generations.request(line, { path: generations.unixPath });
}

describe('exec', { ...requirement('addon', 'python3', 'proc'), timeout: 60_000 }, () => {
  test('keeps nothing open that whoever started it had open', async () => {
    // As `flock 200` in a deployment script does.
    const opening = 'import os, sys; os.dup2(0, 200); os.execvp(sys.argv[1], sys.argv[1:])';
    const { pid = 0 } = startThrough(['python3', '-c', opening]);
    await generations.served(pid);
    expect(readdirSync(`/proc/${pid}/fd`)).not.toContain('200');
    expect(readdirSync(`/proc/${generations.keeperOf(pid)}/fd`)).not.toContain('200');
  });

  test('closes descriptors for the program where the kernel has no close_range, above the limit as well', async () => {
    const { pid = 0 } = startThrough(['python3', WITHOUT_CLOSE_RANGE]);
    await generations.served(pid);
    expect(readlinkSync(`/proc/${pid}/exe`)).toMatch(/python/);
    expect(readdirSync(`/proc/${pid}/fd`)).not.toContain('500');
    expect(readdirSync(`/proc/${generations.keeperOf(pid)}/fd`)).not.toContain('500');
  });

  test('has its start command write to the same stdout', async () => {
    const out = join(generations.directory, 'out');
    const next = [
      process.execPath,
      COMMAND,
      'exec',
      '--ready-after',
      '0s',
      '--',
      ...generations.python('next'),
    ];
    const first = startThrough(['sh', '-c', `exec "$@" > ${out}`, 'sh'], ['--start-command', next.join(' ')]);
    await generations.served(first.pid);
    expect(readlinkSync(`/proc/${first.pid}/fd/1`)).toBe(out);
    expect(await uninterruptible(['restart', '--control', generations.controlPath])).toMatchObject({
      code: 0,
    });
    const [, pid] = (await ask('version')).split(' ');
    expect(pid).not.toBe(String(first.pid));
    expect(readlinkSync(`/proc/${pid}/fd/1`)).toBe(out);
  });
});
