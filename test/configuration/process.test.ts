import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, describe, expect, test } from 'vitest';
import { signalIfKnown } from '../../src/configuration/signals.js';
import { environmentNames, type Logger } from '../../src/configuration.js';
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

describe('workingDirectory', () => {
  const link = join(directory, 'current');
  symlinkSync(tmpdir(), link);

  test('$PWD if it names the directory the process was started in, else that', () => {
    const startedIn = realpathSync(tmpdir());
    const here = (PWD?: string): string => processOf({}, { PWD }, { startedIn }).workingDirectory;
    expect(here(link)).toBe(link);
    expect(here()).toBe(startedIn);
    expect(here('/')).toBe(startedIn);
    expect(here('/no/such/directory')).toBe(startedIn);
    expect(here('.')).toBe(startedIn);
    expect(here('')).toBe(startedIn);
  });

  test('APP_ROOT, or the option; links in it stay', () => {
    expect(processOf({}, { APP_ROOT: link }).workingDirectory).toBe(link);
    expect(processOf({ workingDirectory: '/' }, { APP_ROOT: link }).workingDirectory).toBe('/');
  });

  test('a relative one starts where the process did, and .. means the real parent', () => {
    const changes = { startedIn: realpathSync(tmpdir()) };
    const name = directory.slice(changes.startedIn.length + 1);
    const at = (workingDirectory: string): string =>
      processOf({ workingDirectory }, { PWD: link }, changes).workingDirectory;
    expect(at(name)).toBe(join(link, name));
    expect(at('.')).toBe(link);
    expect(at(`${name}/..`)).toBe(changes.startedIn);
  });

  test('it must be a directory that exists', () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    expect(complaints({ workingDirectory: '/no/such/directory' })).toEqual([
      'workingDirectory must be an existing directory, and "/no/such/directory" cannot be used (ENOENT).',
    ]);
    expect(complaints({}, { APP_ROOT: file })).toEqual([
      `APP_ROOT (workingDirectory) must be an existing directory, and "${file}" is not a directory.`,
    ]);
    expect(complaints({ workingDirectory: 3 })).toEqual(['workingDirectory must be a path, not 3.']);
    expect(complaints({ workingDirectory: null })).toEqual(['workingDirectory must be a path, not null.']);
  });
});

describe('paths of files', () => {
  test.each([
    ['pidfilePath', 'PID_FILE'],
    ['logPath', 'LOG_PATH'],
    ['controlPath', 'CONTROL_PATH'],
  ] as const)('%s is made absolute, and %s is its variable', (option, variable) => {
    const changes = { startedIn: directory };
    expect(processOf({ [option]: 'x' }, {}, changes)[option]).toBe(join(directory, 'x'));
    expect(processOf({ [option]: '/tmp/x' }, { [variable]: '/tmp/y' }, changes)[option]).toBe('/tmp/x');
    expect(processOf({}, { [variable]: '/tmp/y' }, changes)[option]).toBe('/tmp/y');
    expect(processOf({ [option]: null }, { [variable]: '/tmp/y' }, changes)[option]).toBeNull();
    expect(processOf({}, {}, changes)[option]).toBeNull();
    expect(complaints({ [option]: 3 })).toEqual([`${option} must be a path, not 3.`]);
    expect(complaints({ [option]: '' })).toEqual([`${option} must be a path, not "".`]);
    expect(complaints({ [option]: 'a\0' })).toEqual([`${option} must be a path, not "a\\u0000".`]);
  });

  test('the directory of the control path must exist', () => {
    expect(complaints({ controlPath: '/no/such/x' })).toEqual([
      'controlPath must be in an existing directory, and "/no/such" cannot be used (ENOENT).',
    ]);
    expect(complaints({}, { CONTROL_PATH: '/dev/null/x' })).toEqual([
      'CONTROL_PATH (controlPath) must be in an existing directory, and "/dev/null" is not a directory.',
    ]);
  });

  test.each([['@app'], ['unix:@app'], ['unix:///run/app.control']])(
    'controlPath %s is not a plain path',
    (controlPath) => {
      expect(complaints({ controlPath })).toEqual([
        `controlPath must be a plain file path, not "${controlPath}": the permissions of the file and its directory are what keeps others out.`,
      ]);
    },
  );
});

describe('logging', () => {
  test.each([
    ['trace', 'trace'],
    ['debug', 'debug'],
    ['info', 'info'],
    ['warn', 'warn'],
    ['error', 'error'],
    ['fatal', 'fatal'],
    ['silent', 'silent'],
    ['DEBUG', 'debug'],
    ['INFO', 'info'],
    ['WARN', 'warn'],
    ['ERROR', 'error'],
    ['FATAL', 'fatal'],
    ['UNKNOWN', 'silent'],
    ['Warn', 'warn'],
  ])('logLevel %s is %s', (name, level) => {
    expect(processOf({ logLevel: name }).logLevel).toBe(level);
    expect(processOf({}, { LOG_LEVEL: name }).logLevel).toBe(level);
    expect(processOf({ logLevel: name }, { LOG_LEVEL: 'nonsense' }).logLevel).toBe(level);
  });

  test('another level is refused, and the nearest proposed', () => {
    const levels = 'trace, debug, info, warn, error, fatal, silent';
    expect(complaints({ logLevel: 'loud' })).toEqual([`logLevel must be one of ${levels}, not "loud".`]);
    expect(complaints({}, { LOG_LEVEL: 'warning' })).toEqual([
      `LOG_LEVEL (logLevel) must be one of ${levels}, not "warning"; did you mean warn?`,
    ]);
    expect(complaints({ logLevel: 1 })).toEqual([`logLevel must be one of ${levels}, not 1.`]);
    expect(complaints({ logLevel: null })).toHaveLength(1);
  });

  test('a logger has the methods of pino', () => {
    const ours: Logger = pino({ enabled: false });
    expect(processOf({ logger: ours }).logger).toBe(ours);
    expect(processOf({ logger: console }).logger).toBe(console);
    expect(processOf({ logger: null }).logger).toBeNull();
  });

  test('it needs those that are called, and no others', () => {
    const { debug, info, warn, error } = console;
    const ours: Logger = { debug, info, warn, error };
    expect(processOf({ logger: ours }).logger).toBe(ours);
    expect(complaints({ logger: { ...ours, trace: true, fatal: 3 } })).toEqual([]);
  });

  test.each([[3], ['x'], [true], [{}]])('another logger is refused: %j', (logger) => {
    expect(complaints({ logger })).toEqual([
      'logger must be an object with the methods debug, info, warn, error, as pino has; debug, info, warn, error are missing.',
    ]);
  });

  test('the missing method is named', () => {
    const { debug, info, warn } = console;
    expect(complaints({ logger: { debug, info, warn, error: true } })).toEqual([
      'logger must be an object with the methods debug, info, warn, error, as pino has; error is missing.',
    ]);
  });

  test('a logger writes where it wants: logPath is refused, LOG_PATH ignored', () => {
    expect(complaints({ logger: console, logPath: '/tmp/x' })).toEqual([
      'logPath has no effect with a logger of your own; leave one of them out.',
    ]);
    expect(processOf({ logger: console, logPath: null }).logPath).toBeNull();
    expect(processOf({ logger: console }, { LOG_PATH: '/tmp/x' }).logPath).toBeNull();
  });
});

describe('restartSignal', () => {
  test('a signal, or none', () => {
    expect(processOf({}).restartSignal).toBe('SIGUSR1');
    expect(processOf({ restartSignal: 'SIGUSR2' }).restartSignal).toBe('SIGUSR2');
    expect(processOf({ restartSignal: 'SIGHUP' }).restartSignal).toBe('SIGHUP');
    expect(processOf({ restartSignal: null }).restartSignal).toBeNull();
  });

  test.each([
    ['SIGTERM', 'it stops the server'],
    ['SIGINT', 'it stops the server'],
    ['SIGKILL', 'no process can handle it'],
    ['SIGSTOP', 'no process can handle it'],
    ['SIGABRT', 'the system sends it for reasons of its own'],
    ['SIGIOT', 'the system sends it for reasons of its own'],
    ['SIGSEGV', 'the system sends it for reasons of its own'],
    ['SIGCHLD', 'the system sends it for reasons of its own'],
    ['SIGPIPE', 'the system sends it for reasons of its own'],
    ['SIGWINCH', 'the system sends it for reasons of its own'],
  ])('not %s: %s', (restartSignal, reason) => {
    expect(complaints({ restartSignal })).toEqual([
      `restartSignal cannot be ${restartSignal}: ${reason}; SIGUSR1, SIGUSR2 or null would do.`,
    ]);
  });

  test('not SIGHUP if there is a log file to reopen', () => {
    const sentence =
      'restartSignal cannot be SIGHUP: it reopens the file at logPath; SIGUSR1, SIGUSR2 or null would do.';
    expect(complaints({ restartSignal: 'SIGHUP', logPath: '/tmp/x' })).toEqual([sentence]);
    expect(complaints({ restartSignal: 'SIGHUP' }, { LOG_PATH: '/tmp/x' })).toEqual([sentence]);
    expect(complaints({ restartSignal: 'SIGHUP', logger: console }, { LOG_PATH: '/tmp/x' })).toEqual([]);
    expect(complaints({ restartSignal: 'SIGUSR2', logPath: '/tmp/x' })).toEqual([]);
  });

  test.each([
    ['USR2', '"USR2"; did you mean SIGUSR2?'],
    ['sigusr2', '"sigusr2"; did you mean SIGUSR2?'],
    ['SIGUSR3', '"SIGUSR3"; did you mean SIGUSR1?'],
    ['restart', '"restart".'],
    ['toString', '"toString".'],
    ['', '"".'],
    [10, '10.'],
    [false, 'false.'],
  ])('%j is not the name of a signal', (restartSignal, rest) => {
    expect(complaints({ restartSignal })).toEqual([
      `restartSignal must be the name of a signal of this platform, such as SIGUSR1, or null, not ${rest}`,
    ]);
  });

  test('every signal of the platform is either taken or refused with a reason', () => {
    for (const restartSignal of Object.keys(constants.signals)) {
      expect(complaints({ restartSignal }).join()).toMatch(/^$|^restartSignal cannot be SIG\w+: .+\.$/);
    }
  });

  test('the default is none where the platform lacks it', () => {
    expect(signalIfKnown('SIGUSR1')).toBe('SIGUSR1');
    expect(signalIfKnown('SIGLOST')).toBeNull();
  });
});

describe('durations', () => {
  const durations = [
    ['readyTimeout', 60_000],
    ['drainTimeout', null],
    ['rollbackWindow', 0],
  ] as const;

  test.each(durations)('%s: milliseconds in code, a unit in the environment', (option, fallback) => {
    const variable = environmentNames[option] ?? '';
    expect(processOf({})[option]).toBe(fallback);
    expect(processOf({ [option]: 1500 })[option]).toBe(1500);
    expect(processOf({ [option]: 1500 }, { [variable]: '1s' })[option]).toBe(1500);
    expect(processOf({ [option]: 1500 }, { [variable]: 'nonsense' })[option]).toBe(1500);
    for (const [text, milliseconds] of [
      ['500ms', 500],
      ['30s', 30_000],
      ['2m', 120_000],
      ['1h', 3_600_000],
      ['1.5s', 1500],
      [' 30s\r', 30_000],
      ['2147483647ms', 2_147_483_647],
    ] as const) {
      expect(processOf({}, { [variable]: text })[option]).toBe(milliseconds);
    }
  });

  test.each(durations)('%s: what is no duration is refused', (option) => {
    const variable = environmentNames[option] ?? '';
    const label = `${variable} (${option})`;
    expect(complaints({}, { [variable]: '30' })).toEqual([
      `${label} needs a unit: write 30s for seconds or 30ms for milliseconds instead of 30.`,
    ]);
    for (const text of ['30 s', '30S', '-1s', '1d', 's', '1e3ms', 'Infinity', '0x1ms', 'none', '1m30s']) {
      expect(complaints({}, { [variable]: text })).toEqual([
        `${label} must be a number with a unit (500ms, 30s, 2m, 1h), not "${text}".`,
      ]);
    }
    expect(complaints({ [option]: '30s' })).toEqual([
      `${option} must be a number of milliseconds, not "30s": write 30000; units are for the environment only.`,
    ]);
    for (const [value, printed] of [
      ['30', '"30"'],
      [true, 'true'],
      [{}, 'an object'],
      [Number.NaN, 'NaN'],
      [Number.POSITIVE_INFINITY, 'Infinity'],
      [Symbol('x'), 'a symbol'],
      [() => 1, 'a function'],
      [1n, '1n'],
    ] as const) {
      expect(complaints({ [option]: value })).toEqual([
        `${option} must be a number of milliseconds, not ${printed}.`,
      ]);
    }
  });

  test.each(durations)('%s: its range', (option) => {
    const least = option === 'readyTimeout' ? 'more than 0' : '0 or more';
    const variable = environmentNames[option] ?? '';
    expect(complaints({ [option]: -1 })).toEqual([`${option} must be ${least}, not -1.`]);
    expect(complaints({ [option]: 0 })).toEqual(
      option === 'readyTimeout' ? [`readyTimeout must be more than 0, not 0.`] : [],
    );
    expect(complaints({}, { [variable]: '0s' })).toHaveLength(option === 'readyTimeout' ? 1 : 0);
    expect(complaints({ [option]: 2 ** 31 - 1 })).toEqual([]);
    expect(complaints({ [option]: 2 ** 31 })).toEqual([
      `${option} must be at most 2147483647 ms (24.8 days, the longest a timer can run), not 2147483648.`,
    ]);
    expect(complaints({}, { [variable]: '600h' })).toEqual([
      `${variable} (${option}) must be at most 2147483647 ms (24.8 days, the longest a timer can run), not "600h".`,
    ]);
  });

  test('drainTimeout may be none, whatever the environment says; the others may not', () => {
    expect(processOf({ drainTimeout: null }, { DRAIN_TIMEOUT: '1s' }).drainTimeout).toBeNull();
    expect(complaints({ readyTimeout: null })).toEqual([
      'readyTimeout must be a number of milliseconds, not null.',
    ]);
    expect(complaints({ rollbackWindow: null })).toEqual([
      'rollbackWindow must be a number of milliseconds, not null.',
    ]);
  });
});

test('a long value is cut in the sentence', () => {
  const [sentence = ''] = complaints({ logLevel: 'x'.repeat(1000) });
  expect(sentence.length).toBeLessThan(200);
});
