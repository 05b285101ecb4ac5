/** A server that is named by its pid file. */
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { objectOf, type Ran, uninterruptible } from '../support/command.js';
import { nobody, pidFileOf, startWithPidFile } from '../support/operated.js';
import { requirement } from '../support/requirements.js';

describe('a server', requirement('addon'), () => {
  test('is found by its pid file, and by the environment', async () => {
    const server = await startWithPidFile();
    const path = pidFileOf(server);
    const found = { ok: true, status: { pid: server.owner } };
    expect(objectOf(await uninterruptible(['status', '--json', '--pidfile', path]))).toMatchObject(found);
    for (const environment of [{ PID_FILE: path }, { CONTROL_PATH: server.controlPath }]) {
      expect(objectOf(await uninterruptible(['status', '--json'], { environment }))).toMatchObject(found);
    }
    // Also after a restart, and not any more after a stop.
    await server.restart();
    expect(objectOf(await uninterruptible(['stop', '--json', '--pidfile', path]))).toMatchObject({
      ok: true,
      pid: server.owner,
    });
    expect(await uninterruptible(['status', '--pidfile', path])).toMatchObject({
      code: 3,
      stdout: '',
      stderr: `uninterruptible: There is no pid file ${path} (--pidfile): no server runs that has it.\n`,
    });
  });

  test('is another than the one that left the pid file: nothing is ordered', async () => {
    const server = await startWithPidFile();
    const path = pidFileOf(server);
    const stale = join(server.directory, 'stale');
    writeFileSync(stale, `${server.owner}\n`);
    expect(await uninterruptible(['stop', '--pidfile', stale])).toMatchObject({
      code: 3,
      stderr: `uninterruptible: ${stale} is stale: process ${server.owner}, which it names, is another server, and has the pid file ${path}.\n`,
    });
    expect(server.alive()).toEqual([server.owner]);
    // A link to the right one is as good.
    rmSync(stale);
    symlinkSync(path, stale);
    expect(await uninterruptible(['status', '--pidfile', stale])).toMatchObject({ code: 0 });
  });

  test('is named by a pid file that is wrong', async () => {
    const server = nobody();
    const path = join(server.directory, 'pid');
    const by = (): Promise<Ran> => uninterruptible(['status', '--pidfile', path]);
    writeFileSync(path, 'hello\n');
    expect(await by()).toMatchObject({
      code: 2,
      stderr: `uninterruptible: ${path} (--pidfile) holds no pid: "hello"\n`,
    });
    writeFileSync(path, '1073741824\n');
    expect(await by()).toMatchObject({
      code: 3,
      stderr: `uninterruptible: ${path} names process 1073741824, and there is none.\n`,
    });
    writeFileSync(path, `${process.pid}\n`);
    expect(await by()).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('is no server that takes orders') as string,
    });
    rmSync(path);
    expect(await by()).toMatchObject({ code: 3 });
  });
});
