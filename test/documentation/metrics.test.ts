/** docs/metrics.md against the code: what is told to Prometheus, and what is traced. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { STEPS } from '../../src/diagnostics.js';
import { FAMILIES } from '../../src/metrics/families.js';
import { readExposition } from '../support/exposition.js';
import { serving } from '../support/in-process.js';
import { codes, readTable, unquoted } from '../support/protocol-page.js';

const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
const path = fileURLToPath(new URL('../../src/diagnostics.ts', import.meta.url));
const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);

/** Labels that may have any value. */
const FREE = ['generation', 'le', 'version', 'program', 'node'];

describe('the table of metrics', () => {
  const rows = readTable(page, 'name | type | labels | meaning');

  test('is that of the code', () => {
    expect(rows.map(([name = '', type, , meaning]) => [unquoted(name), type, meaning])).toEqual(
      Object.entries(FAMILIES).map(([name, [type, help]]) => [name, type, help]),
    );
  });

  test('has the labels of each, and their values where they are words', async () => {
    const all = readExposition((await serving()).metrics());
    for (const [name = '', , labels = ''] of rows) {
      const series = all.filter((each) => each.name.replace(/_(bucket|sum|count)$/, '') === unquoted(name));
      const pairs = series.flatMap((each) => Object.entries(each.labels));
      const words = pairs.flatMap(([label, value]) => (FREE.includes(label) ? [label] : [label, value]));
      expect(new Set(codes(labels)), name).toEqual(new Set(words));
    }
  });
});

describe('the table of steps', () => {
  const rows = readTable(page, 'step | operation | more | meaning');

  test('is that of the code', () => {
    expect(rows.map(([step = '', operation]) => [unquoted(step), operation])).toEqual(Object.entries(STEPS));
  });

  test('has the facts of each', () => {
    const documented = Object.fromEntries(
      rows.map(([step = '', , more = '']) => [unquoted(step), codes(more)]),
    );
    expect(sorted(documented)).toEqual(sorted(factsInCode()));
  });

  test('has every step that is taken, and no other', () => {
    const taken = sources().flatMap((text) =>
      [...text.matchAll(/\.(?:step|trace)\(\s*'([^']+)'/g)].map(([, step = '']) => step),
    );
    // Chosen by an expression.
    const all = new Set([...taken, 'predecessor gone', 'predecessor lost']);
    expect([...all].sort()).toEqual(Object.keys(STEPS).sort());
  });
});

test('the table of channels is that of the code, and its types are exported', () => {
  const rows = readTable(page, 'channel | message | when');
  const channels = [...source.text.matchAll(/= channel\('([^']+)'\)/g)].map(([, name]) => name);
  expect(rows.map(([channel = '']) => unquoted(channel))).toEqual(channels);
  const index = readFileSync(new URL('../../src/index.ts', import.meta.url), 'utf8');
  for (const [, type = ''] of rows) expect(index).toMatch(new RegExp(`\\b${unquoted(type)}\\b`));
});

/** The names of the fields of each step, as `StepFacts` has them. */
function factsInCode(): Record<string, string[]> {
  const declared = source.statements.find(
    (statement): statement is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(statement) && statement.name.text === 'StepFacts',
  );
  return Object.fromEntries(
    (declared?.members ?? []).map((member) => {
      const { name, type } = member as ts.PropertySignature;
      return [nameOf(name), [...(type?.getText() ?? '').matchAll(/'(\w+)'/g)].map(([, fact = '']) => fact)];
    }),
  );
}

function nameOf(name: ts.PropertyName | undefined): string {
  return name !== undefined && (ts.isIdentifier(name) || ts.isStringLiteral(name)) ? name.text : '';
}

function sorted(lists: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, [...list].sort()]));
}

function sources(): string[] {
  const directory = new URL('../../src/', import.meta.url);
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(new URL(name, directory), 'utf8'));
}
