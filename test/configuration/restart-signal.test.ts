import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { signalIfKnown } from '../../src/configuration/signals.js';
import { complaints, processOf } from './resolve.js';

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
