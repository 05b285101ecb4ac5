/** What stands at a control path before anybody serves there. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
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

/** Starts and, if that succeeds, stops again. */
async function start(controlPath: string): Promise<void> {
  const server = new TestServer(undefined, { controlPath });
  await server.start();
  await server.stop();
}
