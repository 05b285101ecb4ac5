import { lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';
import { Child, closeAfterEach, errorOf, nativeBinding, own, temporaryDirectory } from './support.js';

expectNoDescriptorLeak();
closeAfterEach();

describe('a lock', requirement('addon', 'proc'), () => {
  test('is held by one open file description at a time', () => {
    const path = join(temporaryDirectory(), 'lock');
    const [first, second] = [
      own(nativeBinding().openLockFile(path)),
      own(nativeBinding().openLockFile(path)),
    ];
    expect(first.tryLock(0)).toBe(true);
    expect(first.tryLock(0)).toBe(true);
    expect(second.tryLock(0)).toBe(false);
    first.unlock(0);
    expect(second.tryLock(0)).toBe(true);
    expect(first.tryLock(0)).toBe(false);
  });

  test('is on one byte, wherever it is', () => {
    const path = join(temporaryDirectory(), 'lock');
    const [first, second] = [
      own(nativeBinding().openLockFile(path)),
      own(nativeBinding().openLockFile(path)),
    ];
    const far = Number.MAX_SAFE_INTEGER;
    expect([first.tryLock(0), first.tryLock(far)]).toEqual([true, true]);
    expect([second.tryLock(1), second.tryLock(far - 1), second.tryLock(far)]).toEqual([true, true, false]);
  });

  test('is shared by duplicates, and released with the last of them', () => {
    const path = join(temporaryDirectory(), 'lock');
    const [first, second] = [
      own(nativeBinding().openLockFile(path)),
      own(nativeBinding().openLockFile(path)),
    ];
    expect(first.tryLock(0)).toBe(true);
    const duplicate = own(first.duplicate());
    first.close();
    expect(second.tryLock(0)).toBe(false);
    duplicate.close();
    expect(second.tryLock(0)).toBe(true);
  });

  test('is released by the kernel when its process is killed', async () => {
    const path = join(temporaryDirectory(), 'lock');
    const child = Child.fixture('hold-lock', [path]);
    expect(await child.line()).toBe('locked');
    const file = own(nativeBinding().openLockFile(path));
    expect(file.tryLock(0)).toBe(false);
    child.process.kill('SIGKILL');
    expect(await child.exit()).toEqual({ code: null, signal: 'SIGKILL' });
    expect(file.tryLock(0)).toBe(true);
  });

  test('works on an anonymous file that another process opens through /proc', async () => {
    const file = own(nativeBinding().anonymousFile('lock'));
    expect(file.tryLock(0)).toBe(true);
    const path = `/proc/${process.pid}/fd/${file.fd}`;
    const child = Child.fixture('try-lock', [path]);
    expect(await child.result()).toEqual({ locked: false });
    file.unlock(0);
    expect(await Child.fixture('try-lock', [path]).result()).toEqual({ locked: true });
  });
});

describe('openLockFile', requirement('addon', 'proc'), () => {
  test('creates the file for its owner alone, and keeps what is in it', () => {
    const path = join(temporaryDirectory(), 'lock');
    own(nativeBinding().openLockFile(path));
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    writeFileSync(path, 'kept');
    own(nativeBinding().openLockFile(path));
    expect(readFileSync(path, 'latin1')).toBe('kept');
  });

  test('does not follow a symbolic link', () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'lock');
    symlinkSync(join(directory, 'elsewhere'), path);
    expect(errorOf(() => nativeBinding().openLockFile(path))).toMatchObject({
      code: 'ELOOP',
      syscall: 'open',
      path,
    });
  });

  test('refuses a directory and a NUL in the path', () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'lock'));
    expect(errorOf(() => nativeBinding().openLockFile(join(directory, 'lock'))).code).toBe('EISDIR');
    expect(errorOf(() => nativeBinding().openLockFile(`${directory}/a\0b`)).code).toBe('EINVAL');
  });
});
