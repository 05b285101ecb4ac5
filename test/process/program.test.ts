import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readProgram } from '../../src/process/program.js';
import { temporaryDirectory } from '../support/in-process.js';

/** A program two directories below this package.json. */
function program(packageText: string): string {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'package.json'), packageText);
  mkdirSync(join(directory, 'dist/bin'), { recursive: true });
  return join(directory, 'dist/bin/server.js');
}

describe('what a program calls itself', () => {
  test.each([
    ['{ "name": "shop", "version": "1.2.3" }', 'shop@1.2.3'],
    ['{ "name": "shop" }', 'shop'],
    ['{ "version": "1.2.3" }', '1.2.3'],
    ['{ "private": true, "name": 1, "version": "" }', null],
    ['not JSON', null],
    ['null', null],
    [JSON.stringify({ name: 'x'.repeat(1_000) }), 'x'.repeat(200)],
  ])('is by %s', (text, expected) => {
    expect(readProgram(program(text))).toBe(expected);
  });

  test('is the nearest package, whatever stands above it', () => {
    const path = program('{ "name": "outer" }');
    writeFileSync(join(path, '../../package.json'), '{ "name": "inner" }');
    expect(readProgram(path)).toBe('inner');
  });

  test('is nothing without a package or a file', () => {
    expect(readProgram('/server.js')).toBeNull();
    expect(readProgram(undefined)).toBeNull();
  });
});
