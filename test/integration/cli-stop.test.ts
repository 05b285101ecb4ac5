/** `uninterruptible stop`: whom it waits for, and its exit code. */
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { normalised, objectOf } from '../support/command.js';
import { Conversation } from '../support/conversation.js';
import { COMMANDS, run, start, startDraining } from '../support/operated.js';
import { requirement } from '../support/requirements.js';

describe('stop', requirement('addon'), () => {
  test('waits until the process has gone', async () => {
    const server = await start();
    const { owner } = server;
    const { code, stdout, stderr } = await run('stop');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(normalised(stdout, { owner })).toBe(
      'Stopping pid <owner>, finishing what is open.\nStopped in <time>: pid <owner> has gone.\n',
    );
    expect(server.alive()).toEqual([]);
    expect(existsSync(server.controlPath)).toBe(false);
  });

  test('that takes too long exits 4, and goes on', async () => {
    const server = await start({ stay: true });
    const conversation = await Conversation.open(server.port());
    const ran = await run('stop --json --timeout 500ms');
    expect(ran.code).toBe(4);
    expect(objectOf(ran)).toMatchObject({
      ok: false,
      exitCode: 4,
      error: { code: 'timed-out', pid: server.owner },
    });
    await conversation.end();
    await server.gone(server.owner);
  });

  test('with --now cuts what is open', async () => {
    const server = await start({ stay: true });
    const { owner } = server;
    const conversation = await Conversation.open(server.port());
    const { code, stdout } = await run('stop --now');
    expect({ code, stdout: normalised(stdout, { owner }) }).toEqual({
      code: 0,
      stdout: 'Stopping pid <owner>, cutting what is open.\nStopped in <time>: pid <owner> has gone.\n',
    });
    await conversation.closed;
  });
});

describe('while an old process drains', requirement('addon'), () => {
  test('a stop waits for it; from the order on nobody serves there', async () => {
    const { server, old, held } = await startDraining();
    const stopped = objectOf(await run('stop --json --timeout 500ms'));
    expect(stopped).toMatchObject({ exitCode: 4, error: { pid: server.owner, earlier: [old] } });
    expect((stopped['error'] as Error).message).toContain(`in earlier generations too (pid ${old}).`);
    expect(server.alive()).toEqual(expect.arrayContaining([old, server.owner]));
    for (const command of COMMANDS) expect(await run(command)).toMatchObject({ code: 3 });
    await held.end();
    await server.until(() => server.alive().length === 0, 'all to leave');
  });

  test('a stop says who is waited for, and who has left', async () => {
    const { server, old, held } = await startDraining();
    const { owner } = server;
    const own = await Conversation.open(server.port());
    // Whoever waits for two seconds wants to know for whom.
    let said = '';
    const stopping = run('stop', { onOutput: (stdout) => (said = stdout) });
    await server.until(() => said.includes('waiting for'), 'the command to say for whom it waits');
    await held.end();
    await server.gone(old);
    await own.end();
    const { code, stdout } = await stopping;
    expect(code).toBe(0);
    expect(normalised(stdout, { old, owner })).toMatch(
      /^Stopping pid <owner>, finishing what is open\.\n *<time> {2}waiting for pid <owner>, and of earlier generations <old>\n *<time> {2}pid <old>, of an earlier generation, has left\nStopped in <time>: pid <owner> has gone\.\n$/,
    );
  });

  test('a stop with --now cuts it', async () => {
    const { server, held } = await startDraining();
    expect(await run('stop --now')).toMatchObject({ code: 0 });
    await held.closed;
    await server.until(() => server.alive().length === 0, 'all to leave');
  });
});
