/** Pages that name files: what is promised or explained by a test needs one that exists. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TEST = /`test\/[^`\s]+\.(?:test\.ts|cc)`/;

const pageOf = (name: string): string => readFileSync(join(ROOT, 'docs', name), 'utf8');

/** The rows below a head, as cells. */
function rows(page: string, head: string): string[][] {
  const [, table = ''] = page.split(`\n${head}\n`);
  const lines = table.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('|'));
  return lines.slice(1, end === -1 ? undefined : end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe.each(['SECURITY.md', 'CONTRIBUTING.md', 'reliability.md'])('docs/%s', (name) => {
  test('names files that exist', () => {
    const named = [...pageOf(name).matchAll(/`((?:src|native|test|examples|\.ci)\/[^`\s…]+)`/g)].map(
      ([, path = '']) => path,
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

test.each([
  ['SECURITY.md', '| promise | how | test |', 2, 20],
  ['SECURITY.md', '| | | test |', 2, 9],
  ['CONTRIBUTING.md', '| where | if you … | then … | noticed by |', 3, 25],
])('docs/%s: each line of the table "%s" names a test', (name, head, cell, least) => {
  const found = rows(pageOf(name), head);
  expect(found.length).toBeGreaterThanOrEqual(least);
  expect(found.filter((cells) => !TEST.test(cells[cell] ?? ''))).toEqual([]);
});

test('docs/CONTRIBUTING.md names rules that the model leaves out, one by one', () => {
  const check = readFileSync(join(ROOT, 'test/model/check.py'), 'utf8');
  const rules = [...pageOf('CONTRIBUTING.md').matchAll(/model\.test\.ts` \(`([^`]+)`\)/g)];
  expect(rules.length).toBeGreaterThan(3);
  for (const [, rule] of rules) expect(check).toContain(`    "${rule}": "`);
});
