/** Every command at a control path where nobody answers, or nobody who can be understood: its exit code, and that it orders nothing. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { normalised, objectOf, uninterruptible } from '../support/command.js';
import { COMMANDS, nobody, run, start, startFake } from '../support/operated.js';
import { requirement } from '../support/requirements.js';

describe('a server that cannot be asked', requirement('addon'), () => {
  test('is dead: every command exits 3', async () => {
    const server = await start();
    process.kill(server.owner, 'SIGKILL');
    await server.gone(server.owner);
    for (const command of COMMANDS) {
      const { code, stderr } = await run(command);
      expect({ command, code }).toEqual({ command, code: 3 });
      expect(normalised(stderr, { control: server.controlPath })).toBe(
        'uninterruptible: Nobody answers at <control>. It was left by a process that died; the next start replaces it.\n',
      );
      expect(objectOf(await run(`${command} --json`))).toMatchObject({
        ok: false,
        exitCode: 3,
        error: { code: 'nobody' },
      });
    }
  });

  test('hangs: every command exits 4, names it, and orders nothing', async () => {
    const server = await start();
    const { owner } = server;
    process.kill(owner, 'SIGSTOP');
    for (const command of COMMANDS) {
      const { code, stderr } = await run(`${command} --timeout 300ms`);
      expect({ command, code }).toEqual({ command, code: 4 });
      expect(normalised(stderr, { owner, control: server.controlPath })).toBe(
        'uninterruptible: Process <owner> does not answer at <control> (waited <time>).\n',
      );
    }
    expect((await run('doctor --timeout 300ms')).stdout).toContain(`It is stopped: kill -CONT ${owner}`);
    const { stdout } = await uninterruptible(['list']);
    expect(stdout).toMatch(new RegExp(`^${owner} +- +does not answer .*${server.controlPath}$`, 'm'));
    process.kill(owner, 'SIGCONT');
    expect(await server.request('still')).toBe(`still ${owner}`);
    expect(server.lines.filter(({ msg }) => msg.includes('ordered'))).toEqual([]);
  });

  test('is a file: every command exits 2; is not there: 3', async () => {
    const { controlPath } = nobody();
    for (const command of COMMANDS) {
      expect(await run(command)).toMatchObject({
        code: 3,
        stderr: `uninterruptible: Nobody answers at ${controlPath}.\n`,
      });
    }
    writeFileSync(controlPath, 'precious');
    for (const command of COMMANDS) {
      expect(await run(command)).toMatchObject({
        code: 2,
        stderr: `uninterruptible: ${controlPath} is not a control socket.\n`,
      });
    }
    expect(readFileSync(controlPath, 'utf8')).toBe('precious');
  });

  test('says nonsense: exits 1', async () => {
    startFake([['nonsense', null]]);
    for (const command of COMMANDS) {
      const { code, stderr } = await run(command);
      expect({ command, code }).toEqual({ command, code: 1 });
      expect(stderr).toContain('is no server of this library');
    }
  });

  test('does not know the order: exits 6', async () => {
    const status = [
      { type: 'status', status: { state: 'serving', pid: 12, generation: 1, listeners: [] } },
      null,
    ];
    startFake([status, [null], status]);
    expect(await run('rollback')).toMatchObject({
      code: 6,
      stderr:
        'uninterruptible: Pid 12 serves on, and did not answer the rollback: its release may be too old to know it.\n',
    });
  });
});
