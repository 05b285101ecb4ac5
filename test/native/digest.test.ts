import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Binding } from '../../src/binding.js';
import { requirement } from '../support/requirements.js';

const packageRoot = fileURLToPath(new URL('../..', import.meta.url));
const prebuilt = fileURLToPath(
  new URL(`../../prebuilds/linux-${process.arch}/uninterruptible.node`, import.meta.url),
);

describe('the prebuilt addon', requirement('linux'), () => {
  test('was built from these sources', (context) => {
    if (!existsSync(prebuilt)) return context.skip(`there is no prebuilt addon for ${process.arch}`);
    const { sourceDigest } = createRequire(import.meta.url)(prebuilt) as Binding;
    const digest = execFileSync(process.execPath, ['native/digest.mjs'], {
      cwd: packageRoot,
      encoding: 'utf8',
    });
    expect(sourceDigest).toBe(digest.trim());
  });

  test('is the one that is found when nothing was compiled here', (context) => {
    if (!existsSync(prebuilt)) return context.skip(`there is no prebuilt addon for ${process.arch}`);
    // Asked by a program of its own, because node-gyp-build reads the environment once.
    const program = 'console.log(require("node-gyp-build").resolve(process.cwd()))';
    const found = execFileSync(process.execPath, ['-e', program], {
      cwd: packageRoot,
      encoding: 'utf8',
      env: { ...process.env, PREBUILDS_ONLY: '1' },
    });
    expect(found.trim()).toBe(prebuilt);
  });
});
