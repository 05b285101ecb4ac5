import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  createPrivateControlPath,
  isPrivateControlPath,
  removePrivateDirectory,
  restorePrivateDirectory,
} from '../../src/handover/control-directory.js';
import { closeAfterEach, temporaryDirectory } from '../native/support.js';
import { requirement } from '../support/requirements.js';

closeAfterEach();

/** Stands for the system's temporary directory. */
let temporary: string;
/** What every process of this user tries first where no variable names a directory. */
let perUser: string;

beforeEach(() => {
  temporary = temporaryDirectory();
  perUser = join(temporary, `uninterruptible-${process.geteuid?.()}`);
  vi.stubEnv('TMPDIR', temporary);
});
afterEach(() => void vi.unstubAllEnvs());

/** The control path of a new server with these variables. */
function created(
  environment: Record<string, string> = {},
  tryOut: (path: string) => void = () => undefined,
): string {
  const made = createPrivateControlPath(environment, tryOut);
  if ('unusable' in made) throw new Error(made.unusable);
  return made.path;
}

function directory(name: string, mode = 0o700): string {
  const path = join(temporary, name);
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
}

function around(controlPath: string): string {
  return dirname(dirname(controlPath));
}

describe('the private control path', requirement('linux'), () => {
  test('is in a new directory that only this user may enter, for each server another one', () => {
    const [one, other] = [created(), created()];
    expect(one).not.toBe(other);
    expect(basename(one)).toBe('control');
    expect(isPrivateControlPath(one)).toBe(true);
    expect(statSync(dirname(one)).mode & 0o777).toBe(0o700);
    expect(around(one)).toBe(perUser);
    expect(statSync(perUser).mode & 0o777).toBe(0o700);
  });

  test('is where the service manager wants it, else where the session has it, else in the temporary directory', () => {
    const [runtime, second, session] = [
      directory('runtime', 0o755),
      directory('second'),
      directory('session'),
    ];
    expect(around(created({ RUNTIME_DIRECTORY: `${runtime}:${second}`, XDG_RUNTIME_DIR: session }))).toBe(
      runtime,
    );
    expect(around(created({ RUNTIME_DIRECTORY: '', XDG_RUNTIME_DIR: session }))).toBe(session);
    expect(around(created({ XDG_RUNTIME_DIR: '' }))).toBe(perUser);
  });

  test.each<[string, () => string]>([
    ['does not exist', () => join(temporary, 'missing')],
    [
      'is a file',
      () => {
        writeFileSync(join(temporary, 'file'), '');
        return join(temporary, 'file');
      },
    ],
    [
      'is a link',
      () => {
        symlinkSync(directory('target'), join(temporary, 'link'));
        return join(temporary, 'link');
      },
    ],
    ['is writable for a group', () => directory('group', 0o770)],
    ['is writable for all', () => directory('all', 0o777)],
  ])('is not in a directory that %s', (_name, make) => {
    const given = make();
    expect(around(created({ RUNTIME_DIRECTORY: given, XDG_RUNTIME_DIR: given }))).toBe(perUser);
  });

  test('is not in a directory of somebody else', requirement('root'), () => {
    const given = directory('session');
    chownSync(given, 65_534, 65_534);
    expect(around(created({ XDG_RUNTIME_DIR: given }))).toBe(perUser);
  });

  test.each<[string, () => void]>([
    ['a link', () => symlinkSync(directory('target'), perUser)],
    ['a link to nothing', () => symlinkSync(join(temporary, 'missing'), perUser)],
    ['a file', () => writeFileSync(perUser, '')],
    ['open to others', () => void directory(basename(perUser), 0o777)],
    ['readable for others', () => void directory(basename(perUser), 0o755)],
  ])('is beside the directory of its user if that is %s', (_name, squat) => {
    squat();
    const before = lstatSync(perUser);
    const path = created();
    expect(around(path)).toBe(temporary);
    expect(isPrivateControlPath(path)).toBe(true);
    expect(lstatSync(perUser).mode).toBe(before.mode);
    expect(readdirSync(temporary)).not.toContain('missing');
  });

  test('is beside the directory of its user if that belongs to somebody else', requirement('root'), () => {
    chownSync(directory(basename(perUser)), 65_534, 65_534);
    expect(around(created())).toBe(temporary);
  });

  test('is not where files work and sockets do not, and nothing is left there', () => {
    const runtime = directory('runtime');
    const path = created({ XDG_RUNTIME_DIR: runtime }, (tried) => {
      writeFileSync(`${tried}.lock`, '');
      if (tried.startsWith(runtime)) throw new Error('no sockets here');
    });
    expect(around(path)).toBe(perUser);
    expect(readdirSync(runtime)).toEqual([]);
  });

  test('is not relative, whatever TMPDIR is', () => {
    vi.stubEnv('TMPDIR', relative(process.cwd(), temporary));
    expect(around(created())).toBe(perUser);
  });

  test('is nowhere if no directory will do, and every reason is told', () => {
    rmSync(temporary, { recursive: true });
    const environment = { RUNTIME_DIRECTORY: '/missing/one', XDG_RUNTIME_DIR: '/missing/two' };
    const made = createPrivateControlPath(environment, () => undefined);
    expect(made).toEqual({
      unusable: expect.stringMatching(/\/missing\/one.*\/missing\/two.*ENOENT/) as string,
    });
    expect(existsSync(temporary)).toBe(false);
    mkdirSync(temporary);
  });
});

describe('which paths are the library’s own', () => {
  test.each([
    ['/tmp/uninterruptible-0/uninterruptible-aB3xYz/control', true],
    ['/run/app/uninterruptible-aB3xYz/control', true],
    ['/tmp/uninterruptible-0/control', false],
    ['/run/uninterruptible-app/control', false],
    ['/tmp/uninterruptible-aB3xYz/other', false],
    ['/tmp/uninterruptible-aB3xYz/control/control', false],
    ['/run/app/control', false],
  ])('%s: %s', (path, is) => {
    expect(isPrivateControlPath(path)).toBe(is);
  });
});

describe('removing', requirement('linux'), () => {
  test('takes the directory along, and that of the user with the last one', () => {
    const [one, other] = [created(), created()];
    removePrivateDirectory(one);
    expect(existsSync(dirname(one))).toBe(false);
    expect(existsSync(dirname(other))).toBe(true);
    removePrivateDirectory(other);
    expect(existsSync(perUser)).toBe(false);
  });

  test('never takes along what somebody put there, nor a directory that was given', () => {
    const given = directory('session');
    const path = created({ XDG_RUNTIME_DIR: given });
    writeFileSync(join(dirname(path), 'precious'), '');
    removePrivateDirectory(path);
    expect(existsSync(join(dirname(path), 'precious'))).toBe(true);
    rmSync(join(dirname(path), 'precious'));
    removePrivateDirectory(path);
    expect(readdirSync(temporary)).toEqual(['session']);
  });
});

describe('restoring what a cleaner removed', requirement('linux'), () => {
  test.each([dirname, around])('makes it again as it was (%o)', (removed) => {
    const path = created();
    rmSync(removed(path), { recursive: true });
    restorePrivateDirectory(path);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    expect(statSync(perUser).mode & 0o777).toBe(0o700);
    restorePrivateDirectory(path);
  });

  test('does not make the directories above, which are not ours', () => {
    const path = created({ XDG_RUNTIME_DIR: directory('session') });
    rmSync(join(temporary, 'session'), { recursive: true });
    expect(() => restorePrivateDirectory(path)).toThrow('ENOENT');
  });

  test.each<[string, (path: string) => void]>([
    ['a link', (path) => symlinkSync(directory('target'), path)],
    ['a directory that others may enter', (path) => mkdirSync(path, { mode: 0o755 })],
  ])('does not use %s that has its name now', (_name, squat) => {
    const path = created();
    rmSync(dirname(path), { recursive: true });
    squat(dirname(path));
    expect(() => restorePrivateDirectory(path)).toThrow();
  });
});
