/** A disk that is full, or read-only, when a server starts, while it serves, when it restarts, and when it stops. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StatusAnswer } from '../../src/handover/protocol.js';
import { Disk } from '../support/disk.js';
import { Generations } from '../support/generations.js';
import { exitOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

const needs = requirement('addon', 'proc', 'mounts');

let generations: Generations;
let disk: Disk;
beforeEach(() => {
  generations = new Generations();
  disk = new Disk(generations);
});
afterEach(async () => generations.end());

/** A TCP listener, and these options; the control path is not on the disk. */
function deploy(options: Record<string, unknown>): void {
  const { controlPath } = generations;
  generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', controlPath, ...options }] });
}

async function serving(options: Record<string, unknown>): Promise<number> {
  deploy(options);
  generations.launch({ command: disk.command() });
  return (await generations.line('serving')).pid;
}

/** A restart fails for this reason, and costs nothing. */
async function restartFails(owner: number, why: RegExp): Promise<void> {
  const since = generations.lines.length;
  process.kill(owner, 'SIGUSR1');
  const { err } = await generations.line('hand-over failed, serving on', undefined, since);
  expect(err?.message).toMatch(why);
  expect(await generations.request('hello')).toBe(`hello ${owner}`);
  expect(await generations.order({ type: 'status' })).toMatchObject({ status: { pid: owner } });
}

describe('a first start', needs, () => {
  const on = (name: string): string => join(disk.path, name);

  test.each<[string, string, () => Record<string, unknown>]>([
    ['pid file', 'PIDFILE_UNWRITABLE', () => ({ pidfilePath: on('pid') })],
    ['control path', 'CONTROL_PATH_UNUSABLE', () => ({ controlPath: on('control') })],
    ['log', 'CONFIGURATION_INVALID', () => ({ logPath: on('log') })],
    ['UNIX socket', 'LISTENER_BIND_FAILED', () => ({ bind: `unix://${on('socket')}` })],
  ])('whose %s is on a read-only disk fails and says so', async (_what, code, options) => {
    deploy(options());
    expect(await exitOf(generations.launch({ command: disk.command('ro') }))).toEqual({
      code: 1,
      signal: null,
    });
    await disk.left();
    expect(generations.stderr).toContain(`UNINTERRUPTIBLE_${code}`);
    expect(generations.stderr).toContain('EROFS: read-only file system');
  });

  test('whose pid file is on a full disk fails and says so, and leaves nothing there', async () => {
    deploy({ pidfilePath: on('pid') });
    const child = generations.launch({ command: disk.command('size=64k', 'full') });
    expect(await exitOf(child)).toEqual({ code: 1, signal: null });
    expect(await disk.left()).toEqual(['ballast']);
    expect(generations.stderr).toContain('UNINTERRUPTIBLE_PIDFILE_UNWRITABLE');
    expect(generations.stderr).toContain('ENOSPC: no space left on device');
  });

  test.each([1, 2])(
    'whose control path is on a disk with no room for files (%i) fails and says so',
    async (inodes) => {
      deploy({ controlPath: on('control') });
      const child = generations.launch({ command: disk.command(`nr_inodes=${inodes}`) });
      expect(await exitOf(child)).toEqual({ code: 1, signal: null });
      expect(await disk.left()).toEqual(inodes === 1 ? [] : ['control.lock']);
      expect(generations.stderr).toContain('UNINTERRUPTIBLE_CONTROL_PATH_UNUSABLE');
      expect(generations.stderr).toContain('ENOSPC: no space left on device');
    },
  );
});

describe('a server', needs, () => {
  test('whose disk is full while it serves cannot restart, loses nothing, and can when there is room', async () => {
    const first = await serving({ pidfilePath: join(disk.path, 'pid') });
    await disk.fill();
    await restartFails(first, /pid file .* cannot be written: ENOSPC/);
    expect((await disk.files()).sort()).toEqual(['ballast', 'pid']);
    expect(await disk.read('pid')).toBe(`${first}\n`);
    await disk.empty();
    const second = await generations.restart();
    expect(await disk.files()).toEqual(['pid']);
    expect(await disk.read('pid')).toBe(`${second}\n`);
  });

  test('whose disk is read-only while it serves cannot restart, stops with exit code 0, and says what it leaves', async () => {
    const path = join(disk.path, 'socket');
    const bind = ['tcp://127.0.0.1:0', `unix://${path}`];
    deploy({ bind, pidfilePath: join(disk.path, 'pid') });
    const child = generations.launch({ command: disk.command() });
    const { pid } = await generations.line('serving');
    await disk.remount('ro');
    await restartFails(pid, /pid file .* cannot be written: EROFS/);
    process.kill(pid, 'SIGTERM');
    expect(await exitOf(child)).toEqual({ code: 0, signal: null });
    expect((await disk.left()).sort()).toEqual(['pid', 'socket']);
    const told = generations.lines.filter((line) => line.pid === pid && line.level >= 40);
    expect(told.map(({ msg }) => msg)).toEqual([
      'hand-over failed, serving on',
      'listener failed',
      'the pid file could not be removed',
    ]);
    expect(existsSync(generations.controlPath)).toBe(false);
  });

  test('whose log is on a full disk serves and restarts, and goes on writing when there is room', async () => {
    const pidfilePath = join(generations.directory, 'pid');
    const owner = (): number => (existsSync(pidfilePath) ? Number(readFileSync(pidfilePath, 'utf8')) : 0);
    deploy({ bind: 'tcp://127.0.0.1:0', logPath: join(disk.path, 'log'), pidfilePath });
    generations.launch({ command: disk.command() });
    await generations.until(() => owner() !== 0, 'the pid file');
    const first = owner();
    const { status } = (await generations.order({ type: 'status' })) as StatusAnswer;
    const [listener] = status['listeners'] as { port: number }[];
    const port = listener?.port ?? 0;
    generations.port = () => port;
    await disk.fill();
    process.kill(first, 'SIGUSR1');
    await generations.until(() => owner() !== first, 'another owner');
    await generations.gone(first);
    expect(await generations.request('hello')).toBe(`hello ${owner()}`);
    await disk.empty();
    process.kill(owner(), 'SIGHUP');
    const third = (await generations.order({ type: 'restart' })) as { pid: number };
    expect(await generations.request('hello')).toBe(`hello ${third.pid}`);
    expect(await disk.read('log')).toContain(`"pid":${third.pid}`);
  });
});
