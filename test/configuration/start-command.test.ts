import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { complaints, problemsOf, processOf } from './resolve.js';

const directory = realpathSync(mkdtempSync(join(tmpdir(), 'configuration-')));
afterAll(() => rmSync(directory, { recursive: true }));

describe('startCommand', () => {
  const startedWith = (commandLine: readonly string[], startedIn = '/srv/app'): string => {
    const [sentence = ''] = problemsOf(
      { bindPort: 0, workingDirectory: '/' },
      {},
      { mode: 'run', commandLine, startedIn },
    );
    return sentence;
  };
  const required =
    'startCommand is required by run(): it starts the next version of this program. This process was started with: ';

  test('a command line, or words', () => {
    expect(processOf({ startCommand: 'node x.mjs' }, {}, { mode: 'run' }).startCommand).toBe('node x.mjs');
    expect(processOf({ startCommand: ['node', 'x.mjs'] }, {}, { mode: 'run' }).startCommand).toEqual([
      'node',
      'x.mjs',
    ]);
    expect(processOf({}).startCommand).toBeNull();
    expect(processOf({ startCommand: null }).startCommand).toBeNull();
  });

  test('run() needs one, and the sentence proposes it', () => {
    expect(startedWith(['/usr/bin/node', '/srv/app/server.mjs'])).toBe(`${required}node server.mjs`);
    expect(startedWith(['/usr/bin/node', '/srv/app/bin/server.mjs', '--port=1'])).toBe(
      `${required}node bin/server.mjs --port=1`,
    );
    expect(startedWith(['/opt/bun', '/srv/other/x.mjs', '/srv/app', '/srv'])).toBe(
      `${required}/opt/bun /srv/other/x.mjs /srv/app /srv`,
    );
    expect(startedWith(['/usr/bin/node', "/srv/app/it's here.mjs", '', '$HOME'])).toBe(
      `${required}node 'it'\\''s here.mjs' '' '$HOME'`,
    );
  });

  test.each([
    [
      ['/srv/app/node_modules/tsx/dist/preflight.cjs', 'file:///srv/app/node_modules/tsx/dist/loader.mjs'],
      'node --import tsx',
    ],
    [
      ['/srv/node_modules/tsx/dist/preflight.cjs', 'file:///srv/node_modules/tsx/dist/loader.mjs'],
      'node --import tsx',
    ],
    [
      [
        '/srv/app/node_modules/.pnpm/tsx@4/node_modules/tsx/dist/preflight.cjs',
        'file:///srv/app/node_modules/.pnpm/tsx@4/node_modules/tsx/dist/loader.mjs',
      ],
      'node --import tsx',
    ],
    [
      ['/usr/lib/node_modules/tsx/dist/preflight.cjs', 'file:///usr/lib/node_modules/tsx/dist/loader.mjs'],
      'tsx',
    ],
  ])(
    'what tsx made of its command line is proposed as somebody would type it: %j',
    ([preflight = '', loader = ''], command) => {
      const words = ['/usr/bin/node', '--require', preflight, '--import', loader];
      expect(startedWith([...words, '/srv/app/server.ts'])).toBe(`${required}${command} server.ts`);
      expect(startedWith([...words, '--no-warnings', '/srv/app/server.ts', '--x'])).toBe(
        `${required}${command} --no-warnings server.ts --x`,
      );
    },
  );

  test.each([
    [['--import', 'tsx'], '--import tsx'],
    [['--import', 'file:///srv/app/setup.mjs'], '--import ./setup.mjs'],
    [['--require', '/srv/app/lib/setup.cjs'], '--require ./lib/setup.cjs'],
    [['-r', '/srv/app/setup.cjs'], '-r ./setup.cjs'],
    [['--import=file:///srv/app/setup.mjs'], '--import=./setup.mjs'],
    [['--require=/srv/app/setup.cjs'], '--require=./setup.cjs'],
    [['--env-file=/srv/app/.env'], '--env-file=.env'],
    [['--import', 'file:///opt/setup.mjs'], '--import file:///opt/setup.mjs'],
    [['--import', 'file://elsewhere/setup.mjs'], '--import file://elsewhere/setup.mjs'],
  ])('flags of Node are proposed without the directory of this release: %j', (flags, proposed) => {
    expect(startedWith(['/usr/bin/node', ...flags, '/srv/app/server.mjs'])).toBe(
      `${required}node ${proposed} server.mjs`,
    );
  });

  test('an array of one word that is a whole command line is refused', () => {
    expect(complaints({ startCommand: ['node server.mjs'] })).toEqual([
      'startCommand is an array of one word with spaces in it, "node server.mjs", which would be the name of one file; give a string, or each word for itself.',
    ]);
    expect(processOf({ startCommand: ['/srv/start'] }).startCommand).toEqual(['/srv/start']);
    expect(processOf({ startCommand: ['echo', 'a b'] }).startCommand).toEqual(['echo', 'a b']);
  });

  test.each([[''], [' '], ['a\0b'], [3], [true], [{}], [[]], [['node', '']], [['node', 3]], [['a\0']]])(
    '%j is refused',
    (startCommand) => {
      expect(complaints({ startCommand })[0]).toMatch(
        /^startCommand must be a command line or an array of words, none of them empty, not .+\.$/,
      );
    },
  );
});
