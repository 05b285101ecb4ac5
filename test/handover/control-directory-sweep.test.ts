import { chownSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createPrivateControlPath, sweepPrivateDirectories } from '../../src/handover/control-directory.js';
import { Ownership } from '../../src/handover/ownership.js';
import { closeAfterEach, nativeBinding, own, temporaryDirectory } from '../native/support.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();
closeAfterEach();

/** Stands for the system's temporary directory. */
let temporary: string;

beforeEach(() => {
  temporary = temporaryDirectory();
  vi.stubEnv('TMPDIR', temporary);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

function created(): string {
  const made = createPrivateControlPath({}, () => undefined);
  if ('unusable' in made) throw new Error(made.unusable);
  return made.path;
}

/** As long after what happened until now as it takes for something to be stale. */
function later(): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
}

/** A directory as a server leaves it that was killed. */
function abandoned(): string {
  const path = created();
  Ownership.of(nativeBinding(), path).close();
  for (const ending of ['', '.next', '.owner']) writeFileSync(`${path}${ending}`, '');
  return path;
}

describe('sweeping', requirement('addon', 'proc'), () => {
  test('removes what killed servers left, once it is old', () => {
    const [mine, dead] = [abandoned(), abandoned()];
    sweepPrivateDirectories(nativeBinding(), mine);
    expect(existsSync(dead)).toBe(true);
    later();
    sweepPrivateDirectories(nativeBinding(), mine);
    expect(existsSync(dirname(dead))).toBe(false);
    expect(existsSync(dirname(mine))).toBe(true);
  });

  test.each(['tryOwner', 'tryNext'] as const)('leaves what a living process has locked (%s)', (lock) => {
    const [mine, living] = [created(), created()];
    const ownership = own(Ownership.of(nativeBinding(), living));
    expect(ownership[lock]()).toBe(true);
    writeFileSync(living, '');
    later();
    sweepPrivateDirectories(nativeBinding(), mine);
    expect(readdirSync(dirname(living)).sort()).toEqual(['control', 'control.lock']);
  });

  test('leaves what has no lock, what is not of its making, and what somebody put into a directory', () => {
    const [mine, starting, dead] = [created(), created(), abandoned()];
    writeFileSync(join(dirname(dead), 'precious'), '');
    const foreign = join(dirname(dirname(mine)), 'uninterruptible-app');
    mkdirSync(foreign);
    Ownership.of(nativeBinding(), join(foreign, 'control')).close();
    later();
    sweepPrivateDirectories(nativeBinding(), mine);
    expect(existsSync(dirname(starting))).toBe(true);
    expect(readdirSync(dirname(dead))).toEqual(['precious']);
    expect(readdirSync(foreign)).toEqual(['control.lock']);
  });

  test('follows no link', () => {
    const mine = created();
    const elsewhere = join(temporary, 'elsewhere');
    mkdirSync(elsewhere);
    Ownership.of(nativeBinding(), join(elsewhere, 'control')).close();
    symlinkSync(elsewhere, join(dirname(dirname(mine)), 'uninterruptible-aB3xYz'));
    later();
    sweepPrivateDirectories(nativeBinding(), mine);
    expect(readdirSync(elsewhere)).toEqual(['control.lock']);
  });

  test('leaves the directories of others', requirement('root'), () => {
    const [mine, dead] = [created(), abandoned()];
    chownSync(dirname(dead), 65_534, 65_534);
    later();
    sweepPrivateDirectories(nativeBinding(), mine);
    expect(existsSync(dead)).toBe(true);
  });

  test('does not mind that everything has gone', () => {
    const mine = created();
    rmSync(dirname(dirname(mine)), { recursive: true });
    sweepPrivateDirectories(nativeBinding(), mine);
  });
});
