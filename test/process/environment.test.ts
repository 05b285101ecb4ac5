import type * as FileSystem from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  readSupervisor,
  successorEnvironment,
  takeInherited,
  takePassedDescriptors,
  takeSupervisor,
} from '../../src/process/environment.js';

const INHERITED = { place: { controlPath: '/run/control' }, token: 'secret' };

/** What the kernel has to say about the environment this process was started with; undefined: there is no /proc. */
let atExec: string | undefined;

vi.mock('node:fs', async (original) => {
  const real = await original<typeof FileSystem>();
  return {
    ...real,
    readFileSync: (path: string, ...options: never[]): unknown => {
      if (path !== '/proc/self/environ') return real.readFileSync(path, ...options);
      if (atExec === undefined) throw new Error('ENOENT');
      return atExec;
    },
  };
});

/** The environment for the successor of a process that was started with this one. */
function successorOf(environment: Record<string, string>): Record<string, string> {
  const entries = Object.entries(environment).map(([name, value]) => `${name}=${value}\0`);
  atExec = entries.join('');
  return successorEnvironment('/srv/current', INHERITED);
}

afterEach(() => vi.unstubAllEnvs());

describe('the environment of a successor', () => {
  test('names the control path, the token, the working directory and its tools', () => {
    expect(successorOf({ PATH: '/usr/bin:/bin', PWD: '/elsewhere' })).toEqual({
      PATH: '/srv/current/node_modules/.bin:/usr/bin:/bin',
      PWD: '/srv/current',
      UNINTERRUPTIBLE_CONTROL_PATH: INHERITED.place.controlPath,
      UNINTERRUPTIBLE_TOKEN: INHERITED.token,
    });
  });

  test('has a PATH even if there was none', () => {
    expect(successorOf({})).toHaveProperty('PATH', '/srv/current/node_modules/.bin');
  });

  test('has a PATH that does not grow with each restart', () => {
    const environment = successorOf({
      PATH: '/srv/current/node_modules/.bin:/usr/bin:/srv/current/node_modules/.bin',
    });
    expect(environment).toHaveProperty('PATH', '/srv/current/node_modules/.bin:/usr/bin');
  });

  test('is the one this process was started with, whatever it changed since', () => {
    vi.stubEnv('CHANGED', 'after').stubEnv('ADDED', 'after').stubEnv('REMOVED', undefined);
    const environment = successorOf({ KEPT: 'a=b', CHANGED: 'before', REMOVED: 'before', EMPTY: '' });
    expect(environment).toMatchObject({ KEPT: 'a=b', CHANGED: 'before', REMOVED: 'before', EMPTY: '' });
    expect(environment).not.toHaveProperty('ADDED');
  });

  test('is what this process has now where the kernel does not tell', () => {
    vi.stubEnv('CHANGED', 'after').stubEnv('npm_lifecycle_event', 'start');
    atExec = undefined;
    const environment = successorEnvironment('/srv/current', INHERITED);
    expect(environment).toHaveProperty('CHANGED', 'after');
    expect(environment).not.toHaveProperty('npm_lifecycle_event');
  });

  test('takes no notice of what is no variable', () => {
    atExec = 'A=1\0nonsense\0B=2\0';
    expect(Object.keys(successorEnvironment('/srv/current', INHERITED))).not.toContain('nonsens');
    expect(successorEnvironment('/srv/current', INHERITED)).toMatchObject({ A: '1', B: '2' });
  });

  test('leaves out what was meant for the process that got it', () => {
    const environment = successorOf({
      LISTEN_PID: '1',
      LISTEN_FDS: '1',
      LISTEN_FDNAMES: 'web',
      LISTEN_PIDFDID: '1',
      WATCHDOG_PID: '1',
      npm_lifecycle_event: 'start',
      npm_config_user_agent: 'npm',
      UNINTERRUPTIBLE_CONTROL_PATH: '/run/older',
      UNINTERRUPTIBLE_TOKEN: 'older',
      // These stay: another process may have use for them.
      LISTEN_ADDRESS: '::',
      WATCHDOG_USEC: '1000',
      NOTIFY_SOCKET: '/run/notify',
      MY_npm_word: 'mine',
    });
    expect(Object.keys(environment).sort()).toEqual([
      'LISTEN_ADDRESS',
      'MY_npm_word',
      'NOTIFY_SOCKET',
      'PATH',
      'PWD',
      'UNINTERRUPTIBLE_CONTROL_PATH',
      'UNINTERRUPTIBLE_TOKEN',
      'WATCHDOG_USEC',
    ]);
    expect(environment).toMatchObject({ UNINTERRUPTIBLE_TOKEN: INHERITED.token });
  });

  test.each([
    ['--inspect', ''],
    ['--inspect=127.0.0.1:0 --no-warnings', '--no-warnings'],
    ['--no-warnings --inspect-port 0', '--no-warnings'],
    ['--inspect_port=0 --trace-exit', '--trace-exit'],
    ['--debug-port=0', ''],
    ['--title="a  --inspect b" --inspect', '--title="a  --inspect b"'],
    ['--title=--inspect', '--title=--inspect'],
  ])('has the NODE_OPTIONS %j without the flags of the inspector', (given, kept) => {
    expect(successorOf({ NODE_OPTIONS: given })).toHaveProperty('NODE_OPTIONS', kept);
  });
});

describe('what a predecessor left in the environment', () => {
  test('is read once, and gone from process.env', () => {
    vi.stubEnv('UNINTERRUPTIBLE_CONTROL_PATH', '/run/control').stubEnv('UNINTERRUPTIBLE_TOKEN', 'secret');
    expect(takeInherited()).toEqual(INHERITED);
    expect(Object.keys(process.env).filter((name) => name.startsWith('UNINTERRUPTIBLE_'))).toEqual([]);
    expect(takeInherited()).toBeUndefined();
  });

  test('counts only as a whole', () => {
    vi.stubEnv('UNINTERRUPTIBLE_TOKEN', 'secret');
    expect(takeInherited()).toBeUndefined();
    expect(process.env).not.toHaveProperty('UNINTERRUPTIBLE_TOKEN');
  });
});

describe('descriptors that a service manager passed', () => {
  const passed = (variables: Record<string, string>): unknown => {
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    return takePassedDescriptors();
  };
  const own = { LISTEN_PID: String(process.pid) };

  test('are numbers from 3 on, with their names as far as they have one', () => {
    expect(passed({ ...own, LISTEN_FDS: '3', LISTEN_FDNAMES: 'web:' })).toEqual([
      { fd: 3, name: 'web' },
      { fd: 4, name: '' },
      { fd: 5, name: 'unknown' },
    ]);
    expect(Object.keys(process.env).filter((name) => name.startsWith('LISTEN_'))).toEqual([]);
    expect(takePassedDescriptors()).toEqual([]);
  });

  test.each(['', '-1', '0', '1.5', '1e3', ' 1', '0x10', '99999', 'one', '4294967297'])(
    'are none if their number is %j',
    (count) => {
      expect(passed({ ...own, LISTEN_FDS: count })).toEqual([]);
      expect(process.env).not.toHaveProperty('LISTEN_FDS');
    },
  );

  test.each(['', '1', '0', ` ${process.pid}`, `${process.pid}0`])(
    'are left alone if they are meant for pid %j',
    (pid) => {
      expect(passed({ LISTEN_PID: pid, LISTEN_FDS: '1' })).toEqual([]);
      expect(process.env).toHaveProperty('LISTEN_FDS', '1');
    },
  );
});

describe('a service manager that wants to be told', () => {
  test('is found once, and hidden from children', () => {
    vi.stubEnv('NOTIFY_SOCKET', '@manager').stubEnv('WATCHDOG_USEC', '1000').stubEnv('WATCHDOG_PID', '');
    expect(takeSupervisor()).toEqual({ socket: '@manager', watchdog: 1000 });
    expect(Object.keys(process.env).filter((name) => /^(NOTIFY|WATCHDOG)_/.test(name))).toEqual([]);
    expect(takeSupervisor()).toBeUndefined();
    // But not from the successor.
    atExec = undefined;
    const { NOTIFY_SOCKET, WATCHDOG_USEC } = successorEnvironment('/srv/current', INHERITED);
    expect([NOTIFY_SOCKET, WATCHDOG_USEC]).toEqual(['@manager', '1000']);
  });

  test.each([
    ['0', undefined],
    ['-5', undefined],
    ['1e3', undefined],
    ['9'.repeat(19), undefined],
    ['250', 250],
  ])('has a watchdog of %j microseconds: %j', (interval, watchdog) => {
    expect(readSupervisor({ NOTIFY_SOCKET: '/n', WATCHDOG_USEC: interval })).toEqual({
      socket: '/n',
      watchdog,
    });
  });

  test('has none for another process', () => {
    const environment = { NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '250', WATCHDOG_PID: '1' };
    expect(readSupervisor(environment)).toEqual({ socket: '/n', watchdog: undefined });
  });
});
