/** The reports of the public API, and whether every name in them is used by a test of the types. */
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../support/in-process.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const REPORTS = join(ROOT, 'test/package/api');
const LONG = { timeout: 120_000 };

function compare(...words: string[]): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, '.ci/api.mjs'), ...words], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return { status, stderr };
}

test('the public API is what its reports say', LONG, () => {
  expect(compare()).toEqual({ status: 0, stderr: '' });
});

test('a difference is shown, with the command that writes it down', LONG, () => {
  const reports = temporaryDirectory();
  cpSync(REPORTS, reports, { recursive: true });
  const path = join(reports, 'index.api.md');
  const before = readFileSync(path, 'utf8');
  writeFileSync(path, before.replace(/^export function run.*$/m, 'export function walk(): void;'));
  const { status, stderr } = compare('--reports', reports);
  expect(status).toBe(1);
  expect(stderr).toContain('- export function walk(): void;\n');
  expect(stderr).toMatch(/^\+ export function run\(/m);
  expect(stderr).toContain('npm run api -- --update\n');
  expect(compare('--reports', reports, '--update').status).toBe(0);
  expect(readFileSync(path, 'utf8')).toBe(before);
});

test('every exported name is used by a test of the types', () => {
  const exported = readdirSync(REPORTS).flatMap((name) =>
    [
      ...readFileSync(join(REPORTS, name), 'utf8').matchAll(
        /^export (?:abstract )?(?:class|function|interface|type|const) (\w+)/gm,
      ),
    ].map(([, each = '']) => each),
  );
  expect(exported.length).toBeGreaterThan(40);
  const folder = join(ROOT, 'test/types');
  const tests = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  const words = new Set(tests.join('\n').match(/\w+/g));
  expect(exported.filter((name) => !words.has(name))).toEqual([]);
});
