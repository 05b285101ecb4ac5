/** `uninterruptible restart`: what it prints, and its exit code, however the restart goes. */
import { describe, expect, test } from 'vitest';
import type { Status } from '../../src/index.js';
import { normalised, objectOf } from '../support/command.js';
import { Conversation } from '../support/conversation.js';
import { run, start } from '../support/operated.js';
import { requirement } from '../support/requirements.js';

describe('restart', requirement('addon'), () => {
  test('shows its steps, and who serves', async () => {
    const server = await start();
    const old = server.owner;
    const { code, stdout, stderr } = await run('restart');
    await server.line('serving', ({ pid }) => pid !== old);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(normalised(stdout, { old, new: server.owner }).split('\n')).toEqual([
      'Restarting pid <old>, generation 1.',
      ' <time>  pid <new> started',
      ' <time>  pid <new> takes over',
      'Done in <time>: pid <new> serves, generation 2.',
      '',
    ]);
  });

  test('as JSON it is one object', async () => {
    const server = await start();
    const old = server.owner;
    const object = objectOf(await run('restart --json --wait-drained'));
    expect(object).toMatchObject({
      ok: true,
      exitCode: 0,
      generation: 2,
      before: { pid: old, generation: 1 },
      drained: true,
    });
    expect(object['pid']).toBe(server.owner);
    expect(server.alive()).toEqual([server.owner]);
  });

  test('that fails says why, what the new process wrote, and exits 6', async () => {
    const server = await start();
    server.deploy({ startup: 'throw' });
    const { code, stdout, stderr } = await run('restart');
    const names = { old: server.owner };
    expect(code).toBe(6);
    expect(normalised(stdout, names)).toMatch(
      /^Restarting pid <old>, generation 1\.\n <time> {2}pid \d+ started\n$/,
    );
    expect(normalised(stderr, names).split('\n').slice(0, 2)).toEqual([
      'uninterruptible: The restart failed, pid <old> serves on. The new process exited with code 1 before it was ready. (UNINTERRUPTIBLE_RESTART_EXITED)',
      'What the new process wrote last:',
    ]);
    expect(stderr).toContain('  | Error: the new version throws\n');
    const object = objectOf(await run('restart --json'));
    expect(object).toMatchObject({
      ok: false,
      exitCode: 6,
      error: { code: 'UNINTERRUPTIBLE_RESTART_EXITED', pid: server.owner },
    });
    expect((object['error'] as { lastWords: string }).lastWords).toContain('the new version throws');
    // Who comes later finds it, too.
    expect((await run('status')).stdout).toMatch(/ {2}\| Error: the new version throws\n/);
    const told = (objectOf(await run('status --json'))['status'] as Status).lastHandover;
    expect(told?.lastWords).toContain('the new version throws');
    expect((await run('doctor')).stdout).toMatch(
      /The last restart failed\..* Its last words are in: uninterruptible status\n/,
    );
  });

  test('that takes too long exits 4, and goes on', async () => {
    const server = await start();
    server.deploy({ warmUp: 'hang' });
    const { code, stderr } = await run('restart --timeout 700ms');
    expect(code).toBe(4);
    expect(normalised(stderr, { old: server.owner })).toMatch(
      /^uninterruptible: The restart was not over within <time> \(last: pid \d+ (started|takes over)\)\. It goes on; pid <old> serves until then\. See: uninterruptible status\n$/,
    );
    expect((await run('status')).stdout).toMatch(/ {2}serving, (restarting|handing over)\n/);
  });

  test('waits for the old process, if told to', async () => {
    const server = await start({ stay: true });
    const old = server.owner;
    const conversation = await Conversation.open(server.port());
    const early = await run('restart --wait-drained --timeout 2s');
    expect(early.code).toBe(4);
    expect(normalised(early.stderr, { old, new: server.owner })).toBe(
      'uninterruptible: The restart is done, pid <new> serves. But pid <old> still drains (1 connection left), and goes on.\n',
    );
    await conversation.end();
    await server.gone(old);

    const second = await Conversation.open(server.port());
    const { code, stdout } = await run('restart --wait-drained', {
      onOutput: (text) => {
        if (text.includes('connection left')) void second.end();
      },
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/pid \d+ has 1 connection left\n.*pid \d+ has left\n$/s);
  });

  test('in which the owner dies, with nobody behind it, exits 5', async () => {
    const server = await start();
    const old = server.owner;
    server.deploy({ startup: 'hang' });
    const { code, stderr } = await run('restart', {
      onOutput: (text) => {
        if (text.includes('started') && server.alive().includes(old)) process.kill(old, 'SIGKILL');
      },
    });
    expect(code).toBe(5);
    expect(normalised(stderr, { old, control: server.controlPath })).toBe(
      'uninterruptible: Pid <old> died during the restart, and nobody serves at <control>.\n',
    );
  });

  test('in which the owner dies while the one before still drains exits 6', async () => {
    const server = await start({ stay: true });
    const first = server.owner;
    const conversation = await Conversation.open(server.port());
    const second = await server.restart();
    server.deploy({ startup: 'hang' });
    const { code, stderr } = await run('restart', {
      onOutput: (text) => {
        if (text.includes('started') && server.alive().includes(second)) process.kill(second, 'SIGKILL');
      },
    });
    expect({ code, stderr: normalised(stderr, { first, second }) }).toEqual({
      code: 6,
      stderr: 'uninterruptible: Pid <second> died during the restart; pid <first> serves again.\n',
    });
    await conversation.end();
  });
});
