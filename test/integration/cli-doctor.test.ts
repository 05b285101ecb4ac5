/** `uninterruptible doctor`: what it finds, and its exit code. */
import { chmodSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { VERSION } from '../../src/version.js';
import { normalised, objectOf } from '../support/command.js';
import { run, start } from '../support/operated.js';
import { requirement } from '../support/requirements.js';

describe('doctor', requirement('addon'), () => {
  test('finds nothing that fails', async () => {
    const { owner, controlPath } = await start();
    const { code, stdout, stderr } = await run('doctor');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = normalised(stdout, { owner, control: controlPath }).replaceAll(/  +/g, ' ').split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'ok control path <control> is a socket with mode 600.',
        'ok answer Pid <owner> answered within <time>.',
        `ok version The server runs uninterruptible ${VERSION}, Node ${process.version}.`,
        'ok listeners 1 listener accepting.',
        'ok USR1 Pid <owner> catches USR1.',
        expect.stringMatching(
          `^ok addon (prebuilt|compiled here), of uninterruptible ${VERSION}: /.*/uninterruptible\\.node$`,
        ),
      ]),
    );
    expect(objectOf(await run('doctor --json'))).toMatchObject({ ok: true, exitCode: 0 });
  });

  test('fails where others may write, and says what to do', async () => {
    const { directory } = await start();
    chmodSync(directory, 0o777);
    const { code, stdout, stderr } = await run('doctor');
    expect(stdout).toMatch(
      new RegExp(
        `^fail +control directory +Other users may write to ${directory}: chmod go-w ${directory}$`,
        'm',
      ),
    );
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'uninterruptible: 1 check failed.\n' });
    expect(objectOf(await run('doctor --json'))).toMatchObject({
      ok: false,
      exitCode: 1,
      error: { code: 'checks-failed' },
    });
  });
});
