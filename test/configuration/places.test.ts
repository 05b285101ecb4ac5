/** Directories and files that options name. */
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { complaints, processOf } from './resolve.js';

const directory = realpathSync(mkdtempSync(join(tmpdir(), 'configuration-')));
afterAll(() => rmSync(directory, { recursive: true }));

describe('workingDirectory', () => {
  const link = join(directory, 'current');
  symlinkSync(tmpdir(), link);

  test('$PWD if it names the directory the process was started in, else that', () => {
    const startedIn = realpathSync(tmpdir());
    const here = (PWD?: string): string => processOf({}, { PWD }, { startedIn }).workingDirectory;
    expect(here(link)).toBe(link);
    expect(here()).toBe(startedIn);
    expect(here('/')).toBe(startedIn);
    expect(here('/no/such/directory')).toBe(startedIn);
    expect(here('.')).toBe(startedIn);
    expect(here('')).toBe(startedIn);
  });

  test('APP_ROOT, or the option; links in it stay', () => {
    expect(processOf({}, { APP_ROOT: link }).workingDirectory).toBe(link);
    expect(processOf({ workingDirectory: '/' }, { APP_ROOT: link }).workingDirectory).toBe('/');
  });

  test('a relative one starts where the process did, and .. means the real parent', () => {
    const changes = { startedIn: realpathSync(tmpdir()) };
    const name = directory.slice(changes.startedIn.length + 1);
    const at = (workingDirectory: string): string =>
      processOf({ workingDirectory }, { PWD: link }, changes).workingDirectory;
    expect(at(name)).toBe(join(link, name));
    expect(at('.')).toBe(link);
    expect(at(`${name}/..`)).toBe(changes.startedIn);
  });

  test('it must be a directory that exists', () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    expect(complaints({ workingDirectory: '/no/such/directory' })).toEqual([
      'workingDirectory must be an existing directory, and "/no/such/directory" cannot be used (ENOENT).',
    ]);
    expect(complaints({}, { APP_ROOT: file })).toEqual([
      `APP_ROOT (workingDirectory) must be an existing directory, and "${file}" is not a directory.`,
    ]);
    expect(complaints({ workingDirectory: 3 })).toEqual(['workingDirectory must be a path, not 3.']);
    expect(complaints({ workingDirectory: null })).toEqual(['workingDirectory must be a path, not null.']);
  });
});

describe('paths of files', () => {
  test.each([
    ['pidfilePath', 'PID_FILE'],
    ['logPath', 'LOG_PATH'],
    ['controlPath', 'CONTROL_PATH'],
  ] as const)('%s is made absolute, and %s is its variable', (option, variable) => {
    const changes = { startedIn: directory };
    expect(processOf({ [option]: 'x' }, {}, changes)[option]).toBe(join(directory, 'x'));
    expect(processOf({ [option]: '/tmp/x' }, { [variable]: '/tmp/y' }, changes)[option]).toBe('/tmp/x');
    expect(processOf({}, { [variable]: '/tmp/y' }, changes)[option]).toBe('/tmp/y');
    expect(processOf({ [option]: null }, { [variable]: '/tmp/y' }, changes)[option]).toBeNull();
    expect(processOf({}, {}, changes)[option]).toBeNull();
    expect(complaints({ [option]: 3 })).toEqual([`${option} must be a path, not 3.`]);
    expect(complaints({ [option]: '' })).toEqual([`${option} must be a path, not "".`]);
    expect(complaints({ [option]: 'a\0' })).toEqual([`${option} must be a path, not "a\\u0000".`]);
  });

  test('the directory of the control path must exist', () => {
    expect(complaints({ controlPath: '/no/such/x' })).toEqual([
      'controlPath must be in an existing directory, and "/no/such" cannot be used (ENOENT).',
    ]);
    expect(complaints({}, { CONTROL_PATH: '/dev/null/x' })).toEqual([
      'CONTROL_PATH (controlPath) must be in an existing directory, and "/dev/null" is not a directory.',
    ]);
  });

  test.each([['@app'], ['unix:@app'], ['unix:///run/app.control']])(
    'controlPath %s is not a plain path',
    (controlPath) => {
      expect(complaints({ controlPath })).toEqual([
        `controlPath must be a plain file path, not "${controlPath}": the permissions of the file and its directory are what keeps others out.`,
      ]);
    },
  );
});
