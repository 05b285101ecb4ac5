/** What stands at a control path before anybody serves there. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { unusable } from '../src/handover/control-path.js';
import { TestServer } from './support/in-process.js';
import { requirement } from './support/requirements.js';

describe('a control path that cannot be used fails the start', requirement('addon'), () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'control-path-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test('a file that is no socket stays as it is', async () => {
    const controlPath = join(directory, 'precious');
    writeFileSync(controlPath, 'precious');
    await expect(start(controlPath)).rejects.toMatchObject({
      code: 'UNINTERRUPTIBLE_CONTROL_PATH_UNUSABLE',
      message: expect.stringContaining('is not a socket'),
    });
    expect(readFileSync(controlPath, 'utf8')).toBe('precious');
  });

  test('so does a directory', async () => {
    const controlPath = join(directory, 'control');
    mkdirSync(controlPath);
    await expect(start(controlPath)).rejects.toMatchObject({
      code: 'UNINTERRUPTIBLE_CONTROL_PATH_UNUSABLE',
    });
    expect(statSync(controlPath).isDirectory()).toBe(true);
  });

  test.each([120, 250])('a name of %i bytes is too long', async (length) => {
    await expect(start(join(directory, 'x'.repeat(length)))).rejects.toMatchObject({
      code: 'UNINTERRUPTIBLE_CONTROL_PATH_TOO_LONG',
      cause: { code: 'ENAMETOOLONG' },
    });
  });

  test('a path of 300 bytes in several folders is not', async () => {
    const folder = join(directory, ...Array.from({ length: 5 }, () => 'x'.repeat(60)));
    mkdirSync(folder, { recursive: true });
    await start(join(folder, 'control'));
  });
});

describe(
  'where another user has been before, the message has both users',
  requirement('addon', 'root'),
  () => {
    const STRANGER = 65_534;
    let directory: string;
    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), 'control-path-'));
      chmodSync(directory, 0o755);
    });
    afterEach(() => {
      process.seteuid?.(0);
      rmSync(directory, { recursive: true });
    });

    test.each<[string, () => string, (directory: string) => string]>([
      [
        'a service',
        () => {
          const controlPath = join(directory, 'control');
          writeFileSync(`${controlPath}.lock`, '', { mode: 0o600 });
          return controlPath;
        },
        () => 'its predecessor as uid 0',
      ],
      [
        'a service with a private control path',
        () => {
          mkdirSync(join(directory, 'uninterruptible-AbCd12'), { mode: 0o700 });
          return join(directory, 'uninterruptible-AbCd12', 'control');
        },
        () => 'its predecessor as uid 0',
      ],
      [
        'whoever made the directory',
        () => join(directory, 'control'),
        (made) => `and directory ${made} belongs to uid 0`,
      ],
    ])('%s', (_name, make, other) => {
      const path = make();
      process.seteuid?.(STRANGER);
      const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
      expect(unusable(path, denied)).toMatchObject({
        code: 'UNINTERRUPTIBLE_CONTROL_PATH_UNUSABLE',
        message: `The control path ${path} cannot be used: this process runs as uid ${STRANGER}, ${other(directory)}`,
        cause: denied,
      });
    });

    test('and nobody else: what is ours and may not be used is as the kernel says', () => {
      const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
      expect(unusable(join(directory, 'control'), denied).message).toMatch(
        /cannot be used: EACCES: permission denied$/,
      );
    });
  },
);

/** Starts and, if that succeeds, stops again. */
async function start(controlPath: string): Promise<void> {
  const server = new TestServer(undefined, { controlPath });
  await server.start();
  await server.stop();
}
