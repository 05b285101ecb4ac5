import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PidFile } from '../../src/process/pid-file.js';

const OURS = `${process.pid}\n`;

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pid-file-'));
  path = join(directory, 'server.pid');
});
afterEach(() => rmSync(directory, { recursive: true }));

function inPlace(): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

test('what is prepared is in place only when it is published, as another file', () => {
  writeFileSync(path, '1\n');
  const { ino } = statSync(path);
  const file = new PidFile(path);
  file.prepare();
  expect(inPlace()).toBe('1\n');
  expect(file.ours).toBe(false);
  file.publish();
  expect(inPlace()).toBe(OURS);
  expect(file.ours).toBe(true);
  expect(statSync(path).ino).not.toBe(ino);
  expect(readdirSync(directory)).toEqual(['server.pid']);
});

test('what is prepared and not published leaves nothing', () => {
  const file = new PidFile(path);
  file.prepare();
  file.discard();
  expect(readdirSync(directory)).toEqual([]);
});

test('it is removed if it names this process, and only then', () => {
  const file = new PidFile(path);
  file.prepare();
  file.publish();
  writeFileSync(path, '1\n');
  file.unpublish();
  expect(inPlace()).toBe('1\n');
  writeFileSync(path, OURS);
  file.unpublish();
  expect(inPlace()).toBeUndefined();
  file.unpublish();
});

test.each([
  ['absent', () => undefined],
  ['another process', () => writeFileSync(path, '1\n')],
  ['nonsense', () => writeFileSync(path, 'x')],
])('it is repaired when it is %s', (_name, spoil) => {
  spoil();
  new PidFile(path).repair();
  expect(inPlace()).toBe(OURS);
  expect(readdirSync(directory)).toEqual(['server.pid']);
});

test('a link under a temporary name is not followed', () => {
  const victim = join(directory, 'victim');
  writeFileSync(victim, 'precious');
  symlinkSync(victim, `${path}.next`);
  symlinkSync(victim, `${path}.owner`);
  const file = new PidFile(path);
  file.prepare();
  file.publish();
  writeFileSync(path, '1\n');
  file.repair();
  expect(readFileSync(victim, 'utf8')).toBe('precious');
  expect(inPlace()).toBe(OURS);
});

describe('what cannot be written is told before anything has happened', () => {
  test.each([
    [
      'in a directory that does not exist',
      () => join(directory, 'missing', 'server.pid'),
      () => `directory ${join(directory, 'missing')} does not exist`,
    ],
    [
      'below a file',
      () => join(import.meta.filename, 'server.pid'),
      () => `${import.meta.filename} is not a directory`,
    ],
    ['where a directory is', () => directory, () => 'it is a directory'],
  ])('%s', (_name, where, why) => {
    const target = where();
    expect(() => new PidFile(target).prepare()).toThrow(
      expect.objectContaining({
        code: 'UNINTERRUPTIBLE_PIDFILE_UNWRITABLE',
        message: `The pid file ${target} cannot be written: ${why()}.`,
      }),
    );
    expect(existsSync(`${target}.next`)).toBe(false);
  });
});

test('another owner of the directory may leave a directory under the temporary name', () => {
  mkdirSync(`${path}.next`);
  expect(() => new PidFile(path).prepare()).toThrow(
    expect.objectContaining({ code: 'UNINTERRUPTIBLE_PIDFILE_UNWRITABLE' }),
  );
});
