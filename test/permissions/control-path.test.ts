/** The control path where others may write, or have written: what a server takes, and what it refuses and why. */
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { closeAfterEach, nativeBinding, own } from '../native/support.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import {
  ask,
  echo,
  rejection,
  serving,
  TestServer,
  temporaryDirectory,
  within,
} from '../support/in-process.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();
closeAfterEach();

const STRANGER = 65_534;
const ANOTHER = 1;

let directory: string;
let controlPath: string;
beforeEach(() => {
  directory = temporaryDirectory();
  controlPath = join(directory, 'control');
});

/** Starts, hands over, and stops: what a control path is for. Nothing is left but the lock. */
async function works(path = controlPath): Promise<void> {
  const first = await serving(echo, { controlPath: path });
  const second = await serving(echo, { controlPath: path });
  await within(first.stopped, 'the first to leave');
  expect(await ask(second, 'hello')).toBe('hello');
  await second.stop();
  expect(existsSync(path)).toBe(false);
}

/** The sentence that a start fails with. */
async function refusal(options: { pidfilePath?: string } = {}): Promise<string> {
  const server = new TestServer(echo, { controlPath, ...options });
  const { code, message } = await rejection(server.start());
  const told = server.log.entries.filter(({ level }) => level === 'warn' || level === 'error');
  expect(told).toMatchObject([{ message: 'could not start', facts: { err: { code } } }]);
  expect(code).toBe(
    options.pidfilePath === undefined
      ? 'UNINTERRUPTIBLE_CONTROL_PATH_UNUSABLE'
      : 'UNINTERRUPTIBLE_PIDFILE_UNWRITABLE',
  );
  return message;
}

describe('a control path', requirement('addon', 'proc'), () => {
  test('may be in a directory that is a link', async () => {
    mkdirSync(join(directory, 'real'));
    symlinkSync('real', join(directory, 'link'));
    await works(join(directory, 'link', 'control'));
    expect(readdirSync(join(directory, 'real'))).toEqual(['control.lock']);
  });

  test.each([0o770, 0o777, 0o1777])('may be where others may write too (mode %o)', async (mode) => {
    chmodSync(directory, mode);
    await works();
    expect(readdirSync(directory)).toEqual(['control.lock']);
    expect(lstatSync(`${controlPath}.lock`).mode & 0o777).toBe(0o600);
  });

  test.each([107, 108, 109, 500])('of %i bytes is whole, through a hand-over', async (length) => {
    const rest = length - directory.length - '/control'.length - 1;
    const folders = Array.from({ length: Math.ceil(rest / 100) }, () => 'x'.repeat(99)).join('/');
    const folder = join(directory, folders.slice(-rest).replace(/^\//, 'x'));
    mkdirSync(folder, { recursive: true });
    controlPath = join(folder, 'control');
    expect(controlPath).toHaveLength(length);
    await works();
    expect(readdirSync(folder)).toEqual(['control.lock']);
  });

  test.each(['nowhere', 'precious', 'socket'])('that is a link, to %s, is not followed', async (target) => {
    writeFileSync(join(directory, 'precious'), 'precious');
    const socket = own(
      nativeBinding().listenUnix(join(directory, 'socket'), { type: 'stream', backlog: 1, mode: 0o600 }),
    );
    if (target === 'socket') socket.close();
    symlinkSync(target, controlPath);
    expect(await refusal()).toMatch(/is not a socket; remove it or choose another path\.$/);
    expect(lstatSync(controlPath).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(directory, 'precious'), 'utf8')).toBe('precious');
    expect(readdirSync(directory)).not.toContain('nowhere');
  });

  test('whose lock file is a link is refused, and the file behind it is not touched', async () => {
    writeFileSync(join(directory, 'precious'), 'precious', { mode: 0o644 });
    symlinkSync('precious', `${controlPath}.lock`);
    expect(await refusal()).toContain('ELOOP');
    expect(readFileSync(join(directory, 'precious'), 'utf8')).toBe('precious');
    expect(lstatSync(join(directory, 'precious')).mode & 0o777).toBe(0o644);
  });

  test.each(['.next', '.owner'])(
    'beside which a link stands at %s replaces that and not the file',
    async (end) => {
      writeFileSync(join(directory, 'precious'), 'precious');
      symlinkSync('precious', controlPath + end);
      await works();
      expect(readFileSync(join(directory, 'precious'), 'utf8')).toBe('precious');
    },
  );

  test('beside which a directory stands in the way says which', async () => {
    mkdirSync(`${controlPath}.next`);
    expect(await refusal()).toContain(`${controlPath}.next`);
  });
});

describe('a server that is not root', requirement('addon', 'proc', 'root'), () => {
  beforeEach(() => {
    chmodSync(directory, 0o755);
    process.seteuid?.(STRANGER);
  });
  afterEach(() => process.seteuid?.(0));

  /** Does this as root. */
  function asRoot(act: () => void): void {
    process.seteuid?.(0);
    act();
    process.seteuid?.(STRANGER);
  }

  /** Left by a server of that user that was killed, and open to all. */
  function leaveSocket(uid: number): void {
    asRoot(() => {
      nativeBinding().listenUnix(controlPath, { type: 'seqpacket', backlog: 1, mode: 0o600 }).close();
      chmodSync(controlPath, 0o666);
      chownSync(controlPath, uid, uid);
    });
  }

  test('is told whose the directory is that it may not write to', async () => {
    expect(await refusal()).toMatch(
      new RegExp(`this process runs as uid ${STRANGER}, and directory ${directory} belongs to uid 0$`),
    );
  });

  test.each([0o777, 0o1777])(
    'may use a directory of somebody else that is open to it (mode %o)',
    async (mode) => {
      asRoot(() => chmodSync(directory, mode));
      await works();
    },
  );

  test('is told who was there before it, whose lock it may not open', async () => {
    asRoot(() => {
      chmodSync(directory, 0o1777);
      writeFileSync(`${controlPath}.lock`, '', { mode: 0o600 });
    });
    expect(await refusal()).toMatch(/its predecessor as uid 0$/);
  });

  test('replaces the dead socket of another user only where it can: elsewhere it does not even start', async () => {
    leaveSocket(ANOTHER);
    asRoot(() => chmodSync(directory, 0o1777));
    expect(await refusal()).toBe(
      `The control path ${controlPath} belongs to uid ${ANOTHER}, in a directory of everybody's; choose another path.`,
    );
    asRoot(() => chmodSync(directory, 0o777));
    await works();
  });

  test('does not start beside a pid file of another user that it could not replace', async () => {
    const pidfilePath = join(directory, 'pid');
    asRoot(() => {
      chmodSync(directory, 0o1777);
      writeFileSync(pidfilePath, '1\n', { mode: 0o666 });
      chownSync(pidfilePath, ANOTHER, ANOTHER);
    });
    expect(await refusal({ pidfilePath })).toBe(
      `The pid file ${pidfilePath} cannot be written: it belongs to uid ${ANOTHER}, in a directory of everybody's.`,
    );
    expect(readFileSync(pidfilePath, 'utf8')).toBe('1\n');
    expect(readdirSync(directory).sort()).toEqual(['control.lock', 'pid']);
  });
});
