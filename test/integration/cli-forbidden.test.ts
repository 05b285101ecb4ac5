/** Every command where it is somebody else's server, or no server of anybody: nothing is ordered, and nothing believed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { objectOf, uninterruptible } from '../support/command.js';
import { COMMANDS, NOBODY, nobody, run, start } from '../support/operated.js';
import { requirement } from '../support/requirements.js';

const STRANGER = fileURLToPath(new URL('../fixtures/stranger.mjs', import.meta.url));

describe('a server', requirement('addon', 'root'), () => {
  test('that belongs to somebody else: exits 6', async () => {
    const server = await start();
    chmodSync(server.directory, 0o755);
    const asNobody = { uid: NOBODY };
    for (const command of COMMANDS) {
      expect(await run(command, asNobody)).toMatchObject({
        code: 6,
        stderr: expect.stringContaining(
          `Uid ${NOBODY} may not give orders at ${server.controlPath}: `,
        ) as string,
      });
    }
    // Also where the mode of the path lets everybody in.
    chmodSync(server.controlPath, 0o777);
    expect(objectOf(await run('stop --json', asNobody))).toMatchObject({
      exitCode: 6,
      error: { code: 'forbidden' },
    });
    const pidfile = join(server.directory, 'a-pid');
    writeFileSync(pidfile, `${server.owner}\n`);
    const byPid = await uninterruptible(['status', '--pidfile', pidfile], asNobody);
    expect(byPid).toMatchObject({ code: 6, stderr: expect.stringContaining('belongs to user 0') as string });
    expect(server.alive()).toEqual([server.owner]);
  });

  test('that is a stranger at the path is not believed a word', async () => {
    const { directory, controlPath } = nobody();
    chmodSync(directory, 0o777);
    const squatter = spawn(process.execPath, [STRANGER, 'squat', controlPath]);
    try {
      await once(squatter.stdout, 'data');
      const ran = await run('restart --json', { uid: NOBODY - 1 });
      expect(objectOf(ran)).toMatchObject({ exitCode: 6, error: { code: 'forbidden' } });
    } finally {
      squatter.kill('SIGKILL');
    }
  });
});
