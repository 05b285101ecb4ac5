/** `uninterruptible rollback`: who serves again, and its exit code. */
import { describe, expect, test } from 'vitest';
import { normalised, objectOf } from '../support/command.js';
import { Conversation } from '../support/conversation.js';
import { run, start, startWith } from '../support/operated.js';
import { requirement } from '../support/requirements.js';

describe('rollback', requirement('addon'), () => {
  test('shows its steps, and the process before serves', async () => {
    const server = await startWith({ rollbackWindow: 60_000 });
    const first = server.owner;
    const second = await server.restart();
    const { code, stdout, stderr } = await run('rollback');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(normalised(stdout, { first, second }).split('\n')).toEqual([
      'Rolling back from pid <second>, generation 2.',
      ' <time>  pid <first> asked to serve again',
      ' <time>  pid <first> takes over',
      'Done in <time>: pid <first> serves, generation 3.',
      '',
    ]);
    expect(await server.request('again')).toBe(`again ${first}`);
    expect((await run('status')).stdout).toMatch(
      / {2}last change {2}.*: rolled back from pid \d+, pid \d+ serves again\n/,
    );
    // And back again, as JSON.
    expect(objectOf(await run('rollback --json'))).toMatchObject({
      ok: true,
      exitCode: 0,
      pid: second,
      generation: 4,
    });
  });

  test('status says who can serve again', async () => {
    const server = await startWith({ rollbackWindow: 60_000 });
    const first = server.owner;
    await server.restart();
    const standsBy = new RegExp(`pid ${first}, generation 1: stands by, can serve again for \\d+ s at least`);
    await expect.poll(async () => (await run('status')).stdout, { timeout: 10_000 }).toMatch(standsBy);
  });

  test('that nobody can carry out exits 6, and the owner serves on', async () => {
    const server = await startWith({ rollbackWindow: 0 });
    const { owner } = server;
    const { code, stderr } = await run('rollback');
    expect({ code, stderr: normalised(stderr, { owner }) }).toEqual({
      code: 6,
      stderr:
        'uninterruptible: The rollback failed, pid <owner> serves on. Nobody can take the service back. This process was started without one before it. Instead, put the old version in place and restart. (UNINTERRUPTIBLE_ROLLBACK_IMPOSSIBLE)\n',
    });
    expect(await server.request('still')).toBe(`still ${owner}`);
    // Nor does --force end an owner that answers.
    expect(await run('rollback --force')).toMatchObject({ code: 6 });
    expect(server.alive()).toEqual([owner]);
  });
});

describe('rollback --force, where the owner hangs', requirement('addon'), () => {
  test('does not end it if nobody could serve again', async () => {
    const server = await start();
    const { owner } = server;
    process.kill(owner, 'SIGSTOP');
    const { code, stderr } = await run('rollback --force');
    expect({ code, stderr: normalised(stderr, { owner }) }).toEqual({
      code: 6,
      stderr:
        'uninterruptible: Nobody else could serve again, so pid <owner> is not ended: that would end the service. To start anew: kill -KILL <owner>, then start.\n',
    });
    process.kill(owner, 'SIGCONT');
    expect(await server.request('still')).toBe(`still ${owner}`);
  });

  test('ends it if the one before drains, and that one serves again', async () => {
    const server = await start({ stay: true });
    const first = server.owner;
    const conversation = await Conversation.open(server.port());
    const second = await server.restart();
    process.kill(second, 'SIGSTOP');
    const { code, stdout, stderr } = await run('rollback --force');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(normalised(stdout, { first, second }).split('\n')).toEqual([
      ' <time>  pid <second> did not answer and is ended; pid <first> can serve again',
      'Done in <time>: pid <first> serves, generation 3.',
      '',
    ]);
    expect(await server.request('again')).toBe(`again ${first}`);
    await conversation.end();
  });

  test('ends neither if the one before hangs, too', async () => {
    const server = await start({ stay: true });
    const first = server.owner;
    await Conversation.open(server.port());
    const second = await server.restart();
    process.kill(first, 'SIGSTOP');
    process.kill(second, 'SIGSTOP');
    const { code, stderr } = await run('rollback --force');
    expect(code).toBe(6);
    expect(stderr).toContain(`Pid ${first} is stopped itself`);
    expect(server.alive()).toEqual(expect.arrayContaining([first, second]));
  });
});
