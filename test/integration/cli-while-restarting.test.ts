/** What each command does while a restart is under way. */
import { describe, expect, test } from 'vitest';
import { normalised, objectOf, uninterruptible } from '../support/command.js';
import type { Generations } from '../support/generations.js';
import { run, start } from '../support/operated.js';
import { requirement } from '../support/requirements.js';

describe('while a restart is under way', requirement('addon'), () => {
  /** The new version warms up, for so long or until it is told to stop. */
  async function changing(
    warmUp: number | 'hang' = 1_500,
  ): Promise<{ server: Generations; first: number; second: number }> {
    const server = await start();
    const first = server.owner;
    server.deploy({ warmUp });
    process.kill(first, 'SIGUSR1');
    await server.line('handing over');
    const { pid: second } = await server.line('warming up', ({ pid }) => pid !== first);
    return { server, first, second };
  }

  async function restarting(): Promise<Generations> {
    return (await changing('hang')).server;
  }

  test('who serves is told, by each command that only looks', async () => {
    const { owner, controlPath } = await restarting();
    const shown = async (words: string): Promise<string> => {
      const { code, stdout, stderr } = await run(words);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return normalised(stdout, { owner, control: controlPath });
    };
    expect(await shown('status')).toMatch(/ {2}serving, handing over\n +pid +<owner>, generation 1,/);
    expect(await shown('listeners')).toMatch(/^tcp:.* accepting\n$/);
    expect(await shown('doctor')).toContain('1 listener accepting');
    expect((await uninterruptible(['list'])).stdout).toContain(`${owner} `);
  });

  test('a rollback is refused, and both processes go on', async () => {
    const server = await restarting();
    const { owner } = server;
    expect(await run('rollback')).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('A restart is under way.') as string,
    });
    expect(server.alive()).toHaveLength(2);
    expect(await server.request('still')).toBe(`still ${owner}`);
  });

  test('a second restart is one further restart after it', async () => {
    const server = await restarting();
    const first = server.owner;
    const second = run('restart');
    await server.line('restart queued: one is under way');
    const { stdout } = await run('status');
    server.deploy({});
    const child = server.alive().find((pid) => pid !== first) ?? 0;
    expect(stdout).toMatch(
      new RegExp(
        `\\n  restarting +pid ${child}, begun .* ago, given up in \\d+ s\\n +a restart waits until this change of owner is over\\n`,
      ),
    );
    process.kill(child, 'SIGKILL');
    const answered = await second;
    expect(answered).toMatchObject({ code: 0, stderr: '' });
    // Its own steps follow, once it is its turn.
    expect(answered.stdout).toMatch(
      new RegExp(
        `queued: a change of owner is under way, to pid ${child}\\n.*pid \\d+ started\\n.*takes over\\n`,
      ),
    );
    // The command has its answer from the old process, and the line is the new one's.
    await server.line('serving', ({ pid }) => ![first, child].includes(pid));
  });

  test('one that the new owner carries out, and fails, is answered with what it said', async () => {
    const { server, first, second } = await changing();
    server.deploy({ startup: 'exit-3' });
    const { code, stderr } = await run('restart');
    expect(code).toBe(6);
    expect(normalised(stderr, { second }).split('\n')[0]).toBe(
      'uninterruptible: The restart failed, pid <second> serves on. The new process exited with code 3 before it was ready. (UNINTERRUPTIBLE_RESTART_EXITED)',
    );
    await server.line('the restart that was passed on failed', ({ pid }) => pid === first);
  });

  test('one that the new owner stops amid is answered with that', async () => {
    const { server, second } = await changing();
    server.deploy({ warmUp: 'hang' });
    const queued = run('restart');
    await server.line('started', ({ pid }) => pid === second);
    process.kill(second, 'SIGTERM');
    expect(await queued).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('stopped for good') as string,
    });
  });

  test('a stop abandons it', async () => {
    const server = await restarting();
    expect(await run('stop')).toMatchObject({ code: 0, stderr: '' });
    await server.line('restart abandoned');
    await server.until(() => server.alive().length === 0, 'the new version to be ended, too');
  });
});

test(
  'a restart behind a take-over that nobody here ordered waits for it, and is shown',
  requirement('addon'),
  async () => {
    const server = await start();
    const { owner, controlPath } = server;
    server.deploy({ warmUp: 'hang' });
    server.launch();
    const { pid: other } = await server.line('warming up', ({ pid }) => pid !== owner);
    const queued = run('restart');
    await server.line('restart queued: one is under way');
    expect(objectOf(await run('status --json'))['status']).toMatchObject({
      state: 'handing-over',
      restarting: null,
      restartQueued: true,
    });
    expect(normalised((await run('status')).stdout, { owner, control: controlPath })).toMatch(
      /\n {2}restarting +a restart waits until this change of owner is over\n/,
    );
    server.deploy({});
    process.kill(other, 'SIGKILL');
    const { code, stdout } = await queued;
    expect(code).toBe(0);
    expect(stdout).toMatch(/queued: a change of owner is under way\n.*pid \d+ started\n/);
  },
);
