import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { whyUnwritable } from '../../src/process/unwritable.js';
import { temporaryDirectory } from '../support/in-process.js';
import { requirement } from '../support/requirements.js';

const failed = (code: string): Error => Object.assign(new Error(`what the kernel says of ${code}`), { code });

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});

describe('why a file cannot be written', () => {
  test('names the directory that is missing', () => {
    const path = join(directory, 'missing', 'server.pid');
    expect(whyUnwritable(path, failed('ENOENT'))).toBe(
      `directory ${join(directory, 'missing')} does not exist`,
    );
  });

  test('names the file that stands where a directory should be', () => {
    writeFileSync(join(directory, 'file'), '');
    expect(whyUnwritable(join(directory, 'file', 'x'), failed('ENOTDIR'))).toBe(
      `${join(directory, 'file')} is not a directory`,
    );
  });

  test('is what the kernel says where the directory is fine, or for any other reason', () => {
    expect(whyUnwritable(join(directory, 'x'), failed('ENOENT'))).toBe('what the kernel says of ENOENT');
    expect(whyUnwritable(join(directory, 'x'), failed('ENOSPC'))).toBe('what the kernel says of ENOSPC');
  });
});

describe('for another user', requirement('root'), () => {
  const STRANGER = 65_534;
  beforeEach(() => {
    chmodSync(directory, 0o755);
    process.seteuid?.(STRANGER);
  });
  afterEach(() => process.seteuid?.(0));

  test('it names the directory and the user', () => {
    expect(whyUnwritable(join(directory, 'x'), failed('EACCES'))).toBe(
      `directory ${directory} may not be written by uid ${STRANGER}`,
    );
  });

  test('it names the file that is there already', () => {
    process.seteuid?.(0);
    mkdirSync(join(directory, 'theirs'), { mode: 0o777 });
    chmodSync(join(directory, 'theirs'), 0o777);
    const path = join(directory, 'theirs', 'log');
    writeFileSync(path, '', { mode: 0o600 });
    process.seteuid?.(STRANGER);
    expect(whyUnwritable(path, failed('EACCES'))).toBe(`${path} may not be written by uid ${STRANGER}`);
  });
});
