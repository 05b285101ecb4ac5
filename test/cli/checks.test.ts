/** What `doctor` makes of what a server says of itself. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadBinding } from '../../src/binding.js';
import { addonCheck, addonOf, type LoadedAddon } from '../../src/cli/addon.js';
import { statusChecks } from '../../src/cli/checks.js';
import { readSnapshot } from '../../src/cli/snapshot.js';
import { VERSION } from '../../src/version.js';
import { requirement } from '../support/requirements.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** As `level: message`, by check. */
function found(status: Record<string, unknown>): Record<string, string> {
  const whole = { state: 'serving', pid: 12, generation: 2, listeners: [], ...status };
  const findings = statusChecks({ status: whole, snapshot: readSnapshot(whole), peer: 12 });
  return Object.fromEntries(findings.map(({ check, level, message }) => [check, `${level}: ${message}`]));
}

test('an old server that says little is not complained about', () => {
  expect(found({})).toEqual({ listeners: 'ok: 0 listeners accepting.' });
});

test.each([
  [VERSION, `ok: The server runs uninterruptible ${VERSION}, Node v22.1.0.`],
  [
    '0.0.1',
    /^warn: The server runs uninterruptible 0\.0\.1, Node v22\.1\.0; this command is .*: a restart takes/,
  ],
])('library %s', (version, expected) => {
  expect(found({ version, node: 'v22.1.0' })['version']).toMatch(expected);
});

test.each([
  [['/usr/bin/node', 'server.mjs'], 'ok: /usr/bin/node server.mjs'],
  [
    'npm start',
    "warn: `npm start`: npm stays in memory beside each generation, and its pid is not the server's. Better: node …",
  ],
  ['npx tsx server.ts', /^warn: .*Better: node --import tsx …$/],
])('start command %j', (startCommand, expected) => {
  expect(found({ startCommand })['start command']).toMatch(expected);
});

test.each([
  [0, /^warn: rollbackWindow is 0/],
  [30_000, /^ok: The process before stays for 30 s at least/],
])('rollback window %i', (rollbackWindow, expected) => {
  expect(found({ rollbackWindow })['rollback']).toMatch(expected);
});

test('what came of the last change', () => {
  const error = { code: 'UNINTERRUPTIBLE_RESTART_EXITED', message: 'It exited with code 3.' };
  const after = (outcome: string): string | undefined =>
    found({
      lastHandover: {
        at: 1,
        outcome,
        pid: 13,
        error: outcome === 'failed' ? error : null,
        lastWords: outcome === 'failed' ? 'no' : null,
      },
    })['last change'];
  expect(after('done')).toBe('ok: Pid 12 took over.');
  expect(after('failed')).toBe(
    'warn: The last restart failed. It exited with code 3. (UNINTERRUPTIBLE_RESTART_EXITED) Its last words are in: uninterruptible status',
  );
  expect(after('rolled-back')).toMatch(/^warn: Pid 12 serves again/);
});

test('listeners that do not accept', () => {
  const listener = { name: 'a', bound: 'tcp://127.0.0.1:1', accepting: false };
  expect(found({ listeners: [listener] })['listeners']).toMatch(
    /^warn: tcp:\/\/127\.0\.0\.1:1: not accepting/,
  );
  expect(found({ state: 'stopping' })['listeners']).toBe('warn: The server is stopping.');
});

describe('the addon', () => {
  const addon: LoadedAddon = {
    path: '/srv/app/native/build/Release/uninterruptible.node',
    package: '/srv/app/',
    kind: 'compiled here',
    version: '1.2.3',
    isGone: false,
    fits: true,
  };

  test.each<[string, Partial<LoadedAddon>, string | RegExp]>([
    ['as it should be', {}, `ok: compiled here, of uninterruptible 1.2.3: ${addon.path}`],
    ['of a package that says no version', { version: undefined }, `ok: compiled here: ${addon.path}`],
    ['that cannot be compared', { fits: undefined }, /^ok: /],
    ['replaced since', { isGone: true, fits: undefined }, /^warn: .* was replaced since pid 12 started/],
    [
      'compiled from other sources',
      { fits: false },
      /^fail: .*: remove \/srv\/app\/native\/build, or: npx node-gyp rebuild --directory "\/srv\/app\/native"\.$/,
    ],
    [
      'prebuilt from other sources',
      { fits: false, kind: 'prebuilt' },
      /^fail: .*: install the package anew\.$/,
    ],
    ['beside a newer library', { version: '1.3.0' }, /^warn: .* 1\.3\.0 by now; pid 12 runs 1\.2\.3: /],
  ])('%s', (_name, other, expected) => {
    const { level, message } = addonCheck({ ...addon, ...other }, 12, '1.2.3');
    expect(`${level}: ${message}`).toMatch(expected);
  });

  test('of this process is found, and is that of these sources', requirement('addon', 'proc'), () => {
    loadBinding();
    expect(addonOf(process.pid)).toMatchObject({
      package: ROOT,
      version: VERSION,
      isGone: false,
      fits: true,
    });
  });
});
