/** docs/cli.md against the code: exit codes, and the codes of the command's own failures. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { EXIT, exitMeanings } from '../../src/cli/exit-codes.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(ROOT, 'docs/cli.md'), 'utf8');

test('every exit code stands there with its meaning', () => {
  const rows = [...page.matchAll(/^\| (\d) \| (.*) \|$/gm)].map(([, code, meaning]) => [
    Number(code),
    meaning,
  ]);
  expect(rows).toEqual(exitMeanings.map((meaning, code) => [code, meaning]));
  expect(Object.values(EXIT)).toEqual(exitMeanings.map((_meaning, code) => code));
});

test('every code of a failure stands there beside the exit code it comes with, and no other does', () => {
  const documented = [...page.matchAll(/^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \| (\d) \|/gm)].flatMap(
    ([, codes = '', exit]) => [...codes.matchAll(/`([a-z-]+)`/g)].map(([, code]) => `${code} ${exit}`),
  );
  const made = sources().flatMap((text) =>
    [...text.matchAll(/new Failure\(\s*EXIT\.(\w+),\s*'([a-z-]+)'/g)].map(
      ([, exit, code]) => `${code} ${EXIT[exit as keyof typeof EXIT]}`,
    ),
  );
  expect(made.length).toBeGreaterThan(10);
  expect(documented.sort()).toEqual([...new Set(made)].sort());
});

function sources(): string[] {
  const folder = join(ROOT, 'src/cli');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8'));
}
