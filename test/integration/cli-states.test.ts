/** What each command says of a server in each state in which it cannot be asked, or only looked at: text, JSON and exit code. */
import { chmodSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { VERSION } from '../../src/version.js';
import { normalised, type Ran, type RunOptions, uninterruptible } from '../support/command.js';
import { Conversation } from '../support/conversation.js';
import { Generations, type Version } from '../support/generations.js';
import { requirement } from '../support/requirements.js';

/** Nobody's, so that no other server of its is listed. */
const STRANGER = 61_234;
const ASKING = ['status', 'status --metrics', 'listeners', 'restart', 'rollback', 'stop', 'stop --now'];
const HEAD = ['PID', 'GENERATION', 'STATE', 'PROGRAM', 'SINCE', 'LISTENERS', 'CONTROL PATH'].join(' ');

type Finding = readonly [level: string, check: string, message: string];
type Names = Readonly<Record<string, string | number>>;

/** Every command fails in the same way. */
interface Unanswered {
  readonly exitCode: number;
  readonly code: string;
  readonly message: string;
  /** Beside these three, in `error`. */
  readonly facts: Record<string, unknown>;
  /** Of doctor, the first of them at least. */
  readonly findings: readonly Finding[];
  /** Its line in `list`, in single spaces, and its object. */
  readonly listed: { line: string; object: Record<string, unknown> } | undefined;
}

let generations: Generations | undefined;

afterEach(async () => {
  await generations?.end();
  generations = undefined;
});

async function start(version: Version = {}): Promise<Generations> {
  generations = await Generations.start(version);
  return generations;
}

function run(words: string, options?: RunOptions): Promise<Ran> {
  return uninterruptible([...words.split(' '), '--control', generations?.controlPath ?? ''], options);
}

/** Columns in single spaces, so that no width matters. */
function lines(text: string, names: Names): string[] {
  const all = normalised(text, names).split('\n');
  expect(all.pop()).toBe('');
  return all.map((line) => line.trim().replaceAll(/ {2,}/g, ' '));
}

/** The one object of `--json`, with names in the place of pids and paths. */
function object({ stdout, stderr }: Ran, names: Names): Record<string, unknown> {
  expect(stderr).toBe('');
  return JSON.parse(stdout, (_key, value: unknown) => {
    if (typeof value === 'string') return normalised(value, names);
    const name = Object.keys(names).find((each) => names[each] === value);
    return name === undefined ? value : `<${name}>`;
  }) as Record<string, unknown>;
}

/** The lines of `list` that are about this server: others may run here. */
async function listed(names: Names, options?: RunOptions): Promise<string[]> {
  const { code, stdout, stderr } = await uninterruptible(['list'], options);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [head, ...rows] = lines(stdout, names);
  if (rows.length > 0) expect(head).toBe(HEAD);
  return rows.filter((row) => row.endsWith(' <control>'));
}

async function listedObjects(names: Names, options?: RunOptions): Promise<Record<string, unknown>[]> {
  const ran = await uninterruptible(['list', '--json'], options);
  const { servers, ...rest } = object(ran, names);
  expect({ code: ran.code, ...rest }).toEqual({ code: 0, ok: true, exitCode: 0 });
  return (servers as Record<string, unknown>[]).filter(({ controlPath }) => controlPath === '<control>');
}

async function expectUnanswered(
  expected: Unanswered,
  names: Names,
  { more = '', ...options }: RunOptions & { more?: string } = {},
): Promise<void> {
  const { exitCode, code, message, facts, findings } = expected;
  const stderr = `uninterruptible: ${message}\n`;
  const failure = { ok: false, exitCode, error: { code, message, ...facts } };
  for (const command of ASKING) {
    const text = await run(command + more, options);
    expect({ command, ...text, stderr: normalised(text.stderr, names) }).toEqual({
      command,
      code: exitCode,
      stdout: '',
      stderr,
    });
    const json = await run(`${command} --json${more}`, options);
    expect({ command, code: json.code, ...object(json, names) }).toEqual({
      command,
      code: exitCode,
      ...failure,
    });
  }
  const doctor = await run(`doctor${more}`, options);
  expect({ code: doctor.code, stderr: normalised(doctor.stderr, names) }).toEqual({ code: exitCode, stderr });
  expect(lines(doctor.stdout, names).slice(0, findings.length)).toEqual(
    findings.map((finding) => finding.join(' ')),
  );
  const { checks, ...rest } = object(await run(`doctor --json${more}`, options), names);
  expect(rest).toEqual(failure);
  expect((checks as unknown[]).slice(0, findings.length)).toEqual(
    findings.map(([level, check, text]) => ({ level, check, message: text })),
  );
  expect(await listed(names, options)).toEqual(expected.listed === undefined ? [] : [expected.listed.line]);
  expect(await listedObjects(names, options)).toEqual(
    expected.listed === undefined ? [] : [expected.listed.object],
  );
}

function namesOf({ owner, directory, controlPath }: Generations): Names {
  return { owner, control: controlPath, directory };
}

const PRIVATE: Finding = ['ok', 'control directory', "<directory> is its user's alone to write to."];
const SOCKET: Finding = ['ok', 'control path', '<control> is a socket with mode 600.'];

/** Nobody is there; doctor finds the rest in order. */
function nobody(message: string, others: Finding[]): Unanswered {
  return {
    exitCode: 3,
    code: 'nobody',
    message,
    facts: { controlPath: '<control>' },
    findings: [...others, ['fail', 'answer', `${message} Start the server.`]],
    listed: undefined,
  };
}

describe('each command, of a server that', requirement('addon'), () => {
  test('was stopped', async () => {
    const server = await start();
    const names = namesOf(server);
    expect(await run('stop')).toMatchObject({ code: 0 });
    await expectUnanswered(nobody('Nobody answers at <control>.', [PRIVATE]), names);
  });

  test('is being stopped', async () => {
    const server = await start({ stay: true });
    const names = namesOf(server);
    const held = await Conversation.open(server.port());
    expect(await run('stop --timeout 300ms')).toMatchObject({ code: 4 });
    await expectUnanswered(nobody('Nobody answers at <control>.', [PRIVATE]), names, {
      more: ' --timeout 300ms',
    });
    await held.end();
  });

  test('died, and left its path', async () => {
    const server = await start();
    const names = namesOf(server);
    process.kill(server.owner, 'SIGKILL');
    await server.gone(server.owner);
    const message =
      'Nobody answers at <control>. It was left by a process that died; the next start replaces it.';
    await expectUnanswered(nobody(message, [PRIVATE, SOCKET]), names);
  });

  test('hangs', async () => {
    const server = await start();
    const { owner } = server;
    process.kill(owner, 'SIGSTOP');
    const message = 'Process <owner> does not answer at <control> (waited <time>).';
    await expectUnanswered(
      {
        exitCode: 4,
        code: 'no-answer',
        message,
        facts: { pid: '<owner>' },
        findings: [PRIVATE, SOCKET, ['fail', 'answer', `${message} It is stopped: kill -CONT <owner>`]],
        listed: {
          line: '<owner> - does not answer - - - <control>',
          object: { pid: '<owner>', controlPath: '<control>', answers: false },
        },
      },
      namesOf(server),
      { more: ' --timeout 300ms' },
    );
    process.kill(owner, 'SIGCONT');
    expect(await server.request('still')).toBe(`still ${owner}`);
  });
});

describe('each command, of a server of somebody else', requirement('addon', 'root'), () => {
  /** Of the directory, and of the path in it; what doctor can see, and why nothing is answered. */
  test.each<[directory: number, path: number, why: string, findings: Finding[]]>([
    [0o700, 0o600, 'only its user, or root, may', [PRIVATE]],
    [0o755, 0o600, 'only its user, or root, may', [PRIVATE, SOCKET]],
    [
      0o755,
      0o777,
      'Only the same user or root may',
      [
        PRIVATE,
        ['warn', 'control path', '<control> has mode 777, and is made with 600: chmod 600 <control>'],
      ],
    ],
  ])('with the modes %o and %o', async (directory, path, why, findings) => {
    const server = await start();
    const { owner } = server;
    chmodSync(server.controlPath, path);
    chmodSync(server.directory, directory);
    const message = `Uid ${STRANGER} may not give orders at <control>: ${why}.`;
    const options = { uid: STRANGER };
    await expectUnanswered(
      {
        exitCode: 6,
        code: 'forbidden',
        message,
        facts: { controlPath: '<control>' },
        findings: [
          ...findings,
          ['fail', 'answer', `${message} Run this as the user of the server, or as root.`],
        ],
        listed: undefined,
      },
      namesOf(server),
      options,
    );
    expect(await uninterruptible(['list'], options)).toEqual({
      code: 0,
      stdout: `No server of user ${STRANGER} runs here.\n`,
      stderr: '',
    });
    expect(await uninterruptible(['list', '--json'], options)).toMatchObject({
      stdout: '{"ok":true,"exitCode":0,"servers":[]}\n',
    });
    expect(await uninterruptible(['status'], options)).toEqual({
      code: 3,
      stdout: '',
      stderr: `uninterruptible: No server of user ${STRANGER} was found: start one. One in a container, or without a control path, is not seen from here.\n`,
    });
    expect(await server.request('still')).toBe(`still ${owner}`);
  });
});

describe('a server that can be asked', requirement('addon'), () => {
  const LISTENER = 'tcp://127.0.0.1:0 tcp://127.0.0.1:<port> accepting';

  /** What the commands that only look say of it. */
  async function expectLooks(
    names: Names,
    state: { shown: string; state: string; generation: number },
    draining: string[],
  ): Promise<void> {
    const status = await run('status');
    expect({ code: status.code, stderr: status.stderr }).toEqual({ code: 0, stderr: '' });
    const shown = lines(status.stdout, names);
    const drainingAt = shown.findIndex((line) => line.startsWith('draining'));
    expect([...shown.slice(0, 4), ...shown.slice(drainingAt, drainingAt + draining.length)]).toEqual([
      `uninterruptible@<version> (uninterruptible ${VERSION}) ${state.shown}`,
      `pid <owner>, generation ${state.generation}, serving for <time>`,
      'control <control>',
      `listeners ${LISTENER}`,
      ...draining,
    ]);
    expect(object(await run('status --json'), names)).toMatchObject({
      ok: true,
      exitCode: 0,
      status: { pid: '<owner>', state: state.state, controlPath: '<control>' },
    });
    const listeners = await run('listeners');
    expect({ ...listeners, stdout: lines(listeners.stdout, names) }).toEqual({
      code: 0,
      stdout: [LISTENER],
      stderr: '',
    });
    const { code, stdout } = await run('status --metrics');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^uninterruptible_\w+(\{.*\})? \d/m);
    expect(await listed(names)).toEqual([
      `<owner> ${state.generation} ${state.shown} uninterruptible@<version> <time> tcp://127.0.0.1:<port> <control>`,
    ]);
    expect(await listedObjects(names)).toMatchObject([
      { pid: '<owner>', answers: true, state: state.state, generation: state.generation },
    ]);
    const doctor = await run('doctor');
    expect({ code: doctor.code, stderr: doctor.stderr }).toEqual({ code: 0, stderr: '' });
    expect(lines(doctor.stdout, names)).toEqual(
      expect.arrayContaining([
        'ok answer Pid <owner> answered within <time>.',
        'ok listeners 1 listener accepting.',
      ]),
    );
  }

  test('serves', async () => {
    const server = await start();
    await expectLooks(namesOf(server), { shown: 'serving', state: 'serving', generation: 1 }, [
      'draining nobody',
    ]);
  });

  test('restarts', async () => {
    const server = await start();
    server.deploy({ warmUp: 'hang' });
    process.kill(server.owner, 'SIGUSR1');
    await server.line('warming up', ({ pid }) => pid !== server.owner);
    await server.line('handing over');
    await expectLooks(
      namesOf(server),
      { shown: 'serving, handing over', state: 'handing-over', generation: 1 },
      ['draining nobody'],
    );
  });

  test('serves while the one before drains', async () => {
    const server = await start({ stay: true });
    const old = server.owner;
    const held = await Conversation.open(server.port());
    await server.restart();
    const names = { ...namesOf(server), old };
    await expect
      .poll(async () => (await run('status')).stdout, { timeout: 10_000 })
      .toContain('1 connection left');
    await expectLooks(names, { shown: 'serving', state: 'serving', generation: 2 }, [
      'draining pid <old>, generation 1: 1 connection left, 1 busy, can serve again',
    ]);
    await held.end();
  });

  test('has nobody to go back to: a rollback is refused', async () => {
    const server = await start();
    const names = namesOf(server);
    const code = 'UNINTERRUPTIBLE_ROLLBACK_IMPOSSIBLE';
    const message = `The rollback failed, pid <owner> serves on. Nobody can take the service back. This process was started without one before it. Instead, put the old version in place and restart. (${code})`;
    for (const command of ['rollback', 'rollback --force']) {
      const { stdout, stderr, ...ran } = await run(command);
      expect({ ...ran, stdout: lines(stdout, names), stderr: normalised(stderr, names) }).toEqual({
        code: 6,
        stdout: ['Rolling back from pid <owner>, generation 1.'],
        stderr: `uninterruptible: ${message}\n`,
      });
      expect(object(await run(`${command} --json`), names)).toEqual({
        ok: false,
        exitCode: 6,
        error: { code, message, pid: '<owner>', generation: 1 },
      });
    }
    expect(server.alive()).toEqual([server.owner]);
  });

  test('is stopped, cutting what is open', async () => {
    const server = await start({ stay: true });
    const names = namesOf(server);
    const held = await Conversation.open(server.port());
    const { code, stdout, stderr } = await run('stop --now');
    expect({ code, stdout: lines(stdout, names), stderr }).toEqual({
      code: 0,
      stdout: ['Stopping pid <owner>, cutting what is open.', 'Stopped in <time>: pid <owner> has gone.'],
      stderr: '',
    });
    await held.closed;
  });

  test('is stopped, as JSON', async () => {
    const server = await start();
    expect(object(await run('stop --json'), namesOf(server))).toEqual({
      ok: true,
      exitCode: 0,
      pid: '<owner>',
      milliseconds: expect.any(Number) as number,
    });
  });

  test('has a control path that others may open: only doctor minds', requirement('root'), async () => {
    const server = await start();
    const names = namesOf(server);
    chmodSync(server.controlPath, 0o666);
    await expectLooks(names, { shown: 'serving', state: 'serving', generation: 1 }, ['draining nobody']);
    expect(lines((await run('doctor')).stdout, names)).toContain(
      'warn control path <control> has mode 666, and is made with 600: chmod 600 <control>',
    );
    expect(object(await run('restart --json'), names)).toMatchObject({ ok: true, generation: 2 });
    expect(object(await run('rollback --json'), names)).toMatchObject({ ok: false, exitCode: 6 });
    expect(object(await run('stop --json'), names)).toMatchObject({ ok: true, exitCode: 0 });
  });
});
