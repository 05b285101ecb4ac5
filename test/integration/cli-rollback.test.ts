/** `uninterruptible rollback` and `stop --now`: orders that servers know since they can take the service back. */
import { afterEach, describe, expect, test } from 'vitest';
import { normalised, objectOf, type Ran, type RunOptions, uninterruptible } from '../support/command.js';
import { Conversation } from '../support/conversation.js';
import { Generations, type Version } from '../support/generations.js';
import { requirement } from '../support/requirements.js';

let generations: Generations | undefined;

afterEach(async () => {
  await generations?.end();
  generations = undefined;
});

async function start(rollbackWindow: number, version: Version = {}): Promise<Generations> {
  const server = new Generations();
  generations = server;
  const options = { bind: 'tcp://127.0.0.1:0', controlPath: server.controlPath, rollbackWindow };
  server.deploy({ servers: [options], ...version });
  server.launch();
  await server.line('serving');
  return server;
}

function run(words: string, options?: RunOptions): Promise<Ran> {
  return uninterruptible([...words.split(' '), '--control', generations?.controlPath ?? ''], options);
}

describe('rollback', requirement('addon'), () => {
  test('shows its steps, and the process before serves', async () => {
    const server = await start(60_000);
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
      / {2}last change {2}.*: rolled back, serves again \(pid \d+\)\n/,
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
    const server = await start(60_000);
    const first = server.owner;
    await server.restart();
    const standsBy = new RegExp(
      `pid ${first}, generation 1: 0 connections left, can serve again for \\d+ s at least`,
    );
    await expect.poll(async () => (await run('status')).stdout, { timeout: 10_000 }).toMatch(standsBy);
  });

  test('that nobody can carry out exits 6, and the owner serves on', async () => {
    const server = await start(0);
    const { owner } = server;
    const { code, stderr } = await run('rollback');
    expect({ code, stderr: normalised(stderr, { owner }) }).toEqual({
      code: 6,
      stderr:
        'uninterruptible: The rollback failed, pid <owner> serves on. Nobody can take the service back. This process was started without one before it. (UNINTERRUPTIBLE_ROLLBACK_IMPOSSIBLE)\n',
    });
    expect(await server.request('still')).toBe(`still ${owner}`);
    // Nor does --force end an owner that answers.
    expect(await run('rollback --force')).toMatchObject({ code: 6 });
    expect(server.alive()).toEqual([owner]);
  });
});

test('stop --now cuts what is open', requirement('addon'), async () => {
  const server = await start(0, { stay: true });
  const { owner } = server;
  const conversation = await Conversation.open(server.port());
  const { code, stdout } = await run('stop --now');
  expect({ code, stdout: normalised(stdout, { owner }) }).toEqual({
    code: 0,
    stdout: 'Stopping pid <owner>, cutting what is open.\nStopped in <time>: pid <owner> has gone.\n',
  });
  await conversation.closed;
});
