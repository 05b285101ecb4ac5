/** The addons that the package brings, one for each architecture: what they are built from, and where they load. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { requirement } from '../support/requirements.js';
import { temporaryDirectory } from './support.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MACHINES: Record<string, string> = {
  'linux-arm64': 'AArch64',
  'linux-x64': 'Advanced Micro Devices X86-64',
};
/** What the oldest distributions have that Node 20 itself still runs on (RHEL 8, Debian 10). */
const NEWEST: Record<string, number[]> = {
  GLIBC: [2, 28],
  GLIBCXX: [3, 4, 21],
  CXXABI: [1, 3, 9],
  GCC: [4, 8],
};

const pathOf = (target: string): string => join(ROOT, 'prebuilds', target, 'uninterruptible.node');
const readelf = (...args: string[]): string => execFileSync('readelf', args, { encoding: 'utf8' });

test('there is one for each architecture, named so that musl is not left out', () => {
  // node-gyp-build takes a name with a libc in it for that libc only.
  const found = readdirSync(join(ROOT, 'prebuilds'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.node'))
    .sort();
  expect(found).toEqual(Object.keys(MACHINES).map((target) => join(target, 'uninterruptible.node')));
});

test('that of this machine is found when nothing was compiled here', requirement('linux'), (context) => {
  const ours = `linux-${process.arch}`;
  if (!(ours in MACHINES)) return context.skip(`there is none for ${process.arch}`);
  // Asked by a program of its own, because node-gyp-build reads the environment once.
  const program = 'console.log(require("node-gyp-build").resolve(process.cwd()))';
  const found = execFileSync(process.execPath, ['-e', program], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, PREBUILDS_ONLY: '1' },
  });
  expect(found.trim()).toBe(pathOf(ours));
});

describe.for(Object.entries(MACHINES))('that of %s', ([target, machine]) => {
  test('was built from these sources', () => {
    // Not loaded for it, because most machines cannot.
    const digest = execFileSync(process.execPath, ['native/digest.mjs'], { cwd: ROOT, encoding: 'latin1' });
    expect(readFileSync(pathOf(target)).includes(digest.trim())).toBe(true);
  });

  test('is for that machine and needs two libraries', requirement('readelf'), () => {
    expect(readelf('-h', pathOf(target))).toMatch(new RegExp(`Machine: +${machine}$`, 'm'));
    const needed = [...readelf('-d', '-W', pathOf(target)).matchAll(/\(NEEDED\).*\[(.*)\]/g)];
    const loader = target === 'linux-arm64' ? ['ld-linux-aarch64.so.1'] : [];
    expect(['libc.so.6', 'libstdc++.so.6', ...loader]).toEqual(
      expect.arrayContaining(needed.map(([, name]) => name)),
    );
  });

  test('loads with the libraries of old distributions', requirement('readelf'), () => {
    const versions = [...readelf('-V', '-W', pathOf(target)).matchAll(/Name: ([A-Z]+)_([\d.]+)/g)];
    expect(versions).not.toEqual([]);
    const tooNew = versions.filter(([, family = '', version = '']) => {
      const newest = NEWEST[family];
      return newest === undefined || isNewer(version.split('.').map(Number), newest);
    });
    expect(tooNew.map(([text]) => text)).toEqual([]);
  });
});

test("musl's loader finds everything that it needs", requirement('x64', 'musl-gcc', 'readelf'), () => {
  const addon = pathOf('linux-x64');
  const directory = temporaryDirectory();
  const path = (name: string): string => join(directory, name);
  const missing = [...readelf('--dyn-syms', '-W', addon).matchAll(/ UND ([^@\s]+)/g)].map(
    ([, name = '']) => name,
  );
  // Node has these, and brings the C++ library.
  const ofNode = missing.filter((name) => /^(napi|uv)_/.test(name));
  const ofCxx = missing.filter((name) => name.startsWith('_Z'));
  const stubs = (names: string[]): string => names.map((name) => `void ${name}(void) {}\n`).join('');
  writeFileSync(path('cxx.c'), stubs(ofCxx));
  writeFileSync(
    path('main.c'),
    `#include <dlfcn.h>\n#include <stdio.h>\n${stubs(ofNode)}
    int main(int count, char** words) {
      if (dlopen(words[count - 1], RTLD_NOW) != NULL) return 0;
      fputs(dlerror(), stderr);
      return 1;
    }`,
  );
  const compile = (...args: string[]): void =>
    void execFileSync('musl-gcc', ['-w', ...args], { cwd: directory });
  compile('-shared', '-fPIC', '-Wl,-soname,libstdc++.so.6', '-o', 'libstdc++.so.6', 'cxx.c');
  compile('-rdynamic', '-o', 'main', 'main.c');
  const load = (environment: Record<string, string>): string =>
    spawnSync(path('main'), [addon], { env: environment, encoding: 'utf8' }).stderr;
  expect(load({ LD_LIBRARY_PATH: directory })).toBe('');
  // What it does not find it says.
  expect(load({})).toContain('libstdc++.so.6');
});

function isNewer(version: readonly number[], than: readonly number[]): boolean {
  for (const [at, number] of version.entries()) {
    const other = than[at] ?? 0;
    if (number !== other) return number > other;
  }
  return false;
}
