/** `uninterruptible status`, `listeners` and `list`: what they print of a server that serves, and of one that drains. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { VERSION } from '../../src/version.js';
import { normalised, objectOf, uninterruptible } from '../support/command.js';
import { nobody, run, start, startDraining, startWith } from '../support/operated.js';
import { requirement } from '../support/requirements.js';

describe('a server that serves', requirement('addon'), () => {
  test('status and listeners', async () => {
    const { owner, controlPath } = await start();
    const names = { owner, control: controlPath };
    const status = await run('status');
    expect(status).toMatchObject({ code: 0, stderr: '' });
    expect(normalised(status.stdout, names).split('\n').slice(0, 6)).toEqual([
      `uninterruptible@<version> (uninterruptible ${VERSION})  serving`,
      '  pid          <owner>, generation 1, serving for <time>',
      '  control      <control>',
      '  listeners    tcp://127.0.0.1:0  tcp://127.0.0.1:<port>  accepting',
      '  connections  0 open (0 busy, 0 idle), 0 so far',
      '  draining     nobody',
    ]);
    const listeners = await run('listeners');
    expect(listeners).toMatchObject({ code: 0, stderr: '' });
    expect(normalised(listeners.stdout, names)).toBe(
      'tcp://127.0.0.1:0  tcp://127.0.0.1:<port>  accepting\n',
    );
  });

  test('status, listeners and list as JSON', async () => {
    const { owner, controlPath } = await start();
    expect(objectOf(await run('status --json'))).toMatchObject({
      ok: true,
      exitCode: 0,
      status: { pid: owner, generation: 1, state: 'serving', controlPath },
    });
    expect(objectOf(await run('listeners --json'))).toMatchObject({
      ok: true,
      pid: owner,
      listeners: [{ kind: 'tcp' }],
    });
    const { servers } = objectOf(await uninterruptible(['list', '--json'])) as {
      servers: Record<string, unknown>[];
    };
    // Others of this user may run on this machine.
    expect(servers.filter((server) => server['controlPath'] === controlPath)).toMatchObject([
      { pid: owner, answers: true },
    ]);
  });

  test('list has a line for each', async () => {
    const { owner, controlPath } = await start();
    const { stdout, code } = await uninterruptible(['list']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^PID +GENERATION +STATE +PROGRAM +SINCE +LISTENERS +CONTROL PATH\n/);
    const line = stdout.split('\n').find((text) => text.endsWith(`  ${controlPath}`)) ?? '';
    expect(normalised(line.replaceAll(/ +/g, ' '), { owner, control: controlPath })).toBe(
      '<owner> 1 serving uninterruptible@<version> <time> tcp://127.0.0.1:<port> <control>',
    );
  });

  test('of several one must be named', async () => {
    const server = nobody();
    const other = join(server.directory, 'other');
    server.deploy({});
    server.launch();
    await server.line('serving');
    const first = server.owner;
    server.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', controlPath: other }] });
    server.launch();
    await server.line('serving', ({ pid }) => pid !== first);
    const { code, stderr } = await uninterruptible(['stop']);
    expect(code).toBe(2);
    expect(stderr).toContain('Say which:\n');
    expect(stderr).toContain(`  --control ${other}   (pid ${server.owner}, uninterruptible@`);
    expect(stderr).toContain(`  --control ${server.controlPath}   (pid ${first}, `);
    expect(server.alive()).toEqual(expect.arrayContaining([first, server.owner]));
  });
});

describe('while an old process drains', requirement('addon'), () => {
  test('it is shown, and does not count as a server of its own', async () => {
    const { server, old } = await startDraining();
    const names = { old, new: server.owner, control: server.controlPath };
    await expect
      .poll(async () => normalised((await run('status')).stdout, names), { timeout: 10_000 })
      .toMatch(/pid +<new>, generation 2[^]*draining +pid <old>, generation 1: 1 connection left/);
    const { stdout } = await uninterruptible(['list']);
    expect(stdout.split('\n').filter((line) => line.includes(server.controlPath))).toHaveLength(1);
    expect(await run('listeners')).toMatchObject({ code: 0 });
    expect(await run('doctor')).toMatchObject({ code: 0 });
  });
});

test.each([
  ['last words', 63_000, { startCommand: expect.any(String) as string }],
  ['last words and start command', 66_000, { startCommand: null }],
])(
  'a status that would be too long for a packet leaves out %s',
  requirement('addon'),
  async (_, length, rest) => {
    const startCommand = `printf 'the last words' >&2; head -c 3000 /dev/zero | tr '\\0' w >&2; exit 3; #${'x'.repeat(length)}`;
    await startWith({ startCommand });
    expect((await run('restart')).code).toBe(6);
    const ran = await run('status --json');
    expect(ran.code).toBe(0);
    expect(objectOf(ran)['status']).toMatchObject({
      ...rest,
      lastHandover: { outcome: 'failed', error: { code: 'UNINTERRUPTIBLE_RESTART_EXITED' }, lastWords: null },
      listeners: [{ kind: 'tcp' }],
    });
  },
);
