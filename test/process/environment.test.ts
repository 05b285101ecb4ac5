import type * as FileSystem from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { successorEnvironment, takeInherited } from '../../src/process/environment.js';

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
