/** What CI makes of the registry's answer about known vulnerabilities. */
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../support/in-process.js';

const PROGRAM = fileURLToPath(new URL('../../.ci/audit.mjs', import.meta.url));

const VULNERABLE = {
  vulnerabilities: {
    pino: {
      name: 'pino',
      severity: 'high',
      via: [{ title: 'It burns', url: 'https://example.org/1' }, 'sonic-boom'],
    },
  },
};

/** Runs it with an npm that answers with these, the first for what users install. */
function audited(users: unknown, all: unknown): { status: number | null; stdout: string } {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'users'), typeof users === 'string' ? users : JSON.stringify(users));
  writeFileSync(join(directory, 'all'), typeof all === 'string' ? all : JSON.stringify(all));
  const npm = join(directory, 'npm');
  // As npm does: it exits 1 both when it found something and when it could not ask.
  writeFileSync(
    npm,
    `#!/bin/sh\ncase "$*" in *--omit=dev*) cat ${directory}/users ;; *) cat ${directory}/all ;; esac\nexit 1\n`,
  );
  chmodSync(npm, 0o755);
  const PATH = [directory, dirname(process.execPath), process.env['PATH']].join(delimiter);
  const { status, stdout } = spawnSync(process.execPath, [PROGRAM], {
    encoding: 'utf8',
    env: { ...process.env, PATH },
  });
  return { status, stdout };
}

describe('the audit', () => {
  test('passes where nothing is known', () => {
    const nothing = { vulnerabilities: {} };
    expect(audited(nothing, nothing)).toEqual({
      status: 0,
      stdout:
        'what users install: no known vulnerabilities\nwith what developers install: no known vulnerabilities\n',
    });
  });

  test('fails for what users install, and says why', () => {
    const { status, stdout } = audited(VULNERABLE, VULNERABLE);
    expect(status).toBe(1);
    expect(stdout).toContain(
      'what users install: 1 known to be vulnerable\n  pino (high): It burns https://example.org/1; through sonic-boom\n',
    );
  });

  test('tells what only developers install, and passes', () => {
    const { status, stdout } = audited({ vulnerabilities: {} }, VULNERABLE);
    expect(status).toBe(0);
    expect(stdout).toContain('with what developers install: 1 known to be vulnerable\n  pino (high)');
  });

  test.each<[string, unknown, string]>([
    ['has no audits', { message: 'request failed', error: { summary: '', detail: '' } }, 'request failed'],
    ['is not there', { error: { code: 'ENOTFOUND', summary: 'getaddrinfo\nmore' } }, 'getaddrinfo'],
    ['answers nonsense', 'oops', 'npm audit printed no JSON'],
    ['answers nothing', 'null', 'no report came'],
  ])('says in a sentence that the registry %s, and passes', (_name, answer, reason) => {
    expect(audited(answer, answer)).toEqual({
      status: 0,
      stdout: `what users install: not audited, ${reason}\nwith what developers install: not audited, ${reason}\n`,
    });
  });
});
