/** The arguments of the `uninterruptible` command: what is wrong with them, its help and its version. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { COMMAND, objectOf, uninterruptible } from '../support/command.js';
import { COMMANDS } from '../support/operated.js';
import { requirement } from '../support/requirements.js';

describe('the arguments', requirement('addon'), () => {
  test.each([
    [[], 'Usage: uninterruptible [options] [command]'],
    [['bogus'], "uninterruptible: unknown command 'bogus'. See: uninterruptible --help\n"],
    [['status', '--bogus'], "uninterruptible: unknown option '--bogus'. See: uninterruptible --help\n"],
    [['status', 'more'], 'uninterruptible: too many arguments'],
    [
      ['status', '--timeout', '5'],
      'uninterruptible: --timeout needs a unit: write 5s for seconds or 5ms for milliseconds instead of 5.\n',
    ],
    [['status', '--timeout', '0s'], 'uninterruptible: --timeout must be more than 0'],
    [
      ['status', '--control', 'a', '--pidfile', 'b'],
      'uninterruptible: --control and --pidfile both name a server: give one of them.\n',
    ],
  ])('%j exit 2', async (words, message) => {
    const { code, stdout, stderr } = await uninterruptible(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.startsWith(message)).toBe(true);
    if (words.length > 0) {
      expect(objectOf(await uninterruptible([...words, '--json']))).toMatchObject({
        ok: false,
        exitCode: 2,
        error: { code: 'usage' },
      });
    }
  });

  test('help and version exit 0; every command has examples and the exit codes', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(await uninterruptible(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    for (const words of [[], ['list'], ...COMMANDS.map((command) => [command])]) {
      const { code, stdout } = await uninterruptible([...words, '--help']);
      expect(code).toBe(0);
      expect(stdout).toContain('  6  refused or failed: whoever served before serves on\n');
      if (words.length > 0) expect(stdout).toContain(`Examples:\n  uninterruptible ${words[0]}`);
    }
  });
});

test('the built command can be run by itself', () => {
  expect(readFileSync(COMMAND, 'utf8').split('\n')[0]).toBe('#!/usr/bin/env node');
});
