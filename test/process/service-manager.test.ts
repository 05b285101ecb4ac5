import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Binding } from '../../src/binding.js';
import { ServiceManager } from '../../src/process/service-manager.js';

const sent: string[] = [];
let refusal: string | undefined;
const failures: string[] = [];

/** All of the addon that is needed. */
const binding = {
  sendDatagram: (_socket: string, data: Uint8Array): void => {
    if (refusal !== undefined) throw Object.assign(new Error(refusal), { code: refusal });
    sent.push(Buffer.from(data).toString());
  },
} as Binding;

function manager(): ServiceManager {
  return new ServiceManager(binding, '/run/notify', ({ message }) => failures.push(message));
}

beforeEach(() => {
  vi.useFakeTimers();
  sent.length = failures.length = 0;
  refusal = undefined;
});
afterEach(() => vi.useRealTimers());

describe('a service manager', () => {
  test('is told one line per assignment, without what would make it ignore all of them', () => {
    manager().tell({ READY: 1, STATUS: 'a\nWATCHDOG=1\r\n\0b\u001b[1m\ud800' });
    expect(sent).toEqual(['READY=1\nSTATUS=a WATCHDOG=1 b [1m\ufffd']);
  });

  test('gets no more than it reads at once: 4096 bytes', () => {
    manager().tell({ MAINPID: 4_194_304, READY: 1, STATUS: '\u20ac'.repeat(10_000) });
    expect(Buffer.byteLength(sent[0] ?? '')).toBeLessThan(4_096);
  });

  test('whose queue is full is told later, in order, and is not told meanwhile what would be out of date', async () => {
    const full = manager();
    refusal = 'EAGAIN';
    full.tell({ RELOADING: 1 });
    full.report({ STATUS: 'old' });
    full.tell({ READY: 1 });
    expect(failures).toEqual(['EAGAIN']);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([sent, failures]).toEqual([[], ['EAGAIN']]);
    refusal = undefined;
    await vi.advanceTimersByTimeAsync(100);
    full.report({ STATUS: 'new' });
    expect(sent).toEqual(['RELOADING=1', 'READY=1', 'STATUS=new']);
  });

  test.each(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])(
    'is told later what cannot be said now for want of something (%s)',
    async (code) => {
      refusal = code;
      manager().tell({ MAINPID: 1 });
      refusal = undefined;
      await vi.advanceTimersByTimeAsync(100);
      expect(sent).toEqual(['MAINPID=1']);
    },
  );

  test('that reads nothing is remembered the newest changes only', async () => {
    const full = manager();
    refusal = 'EAGAIN';
    for (let change = 0; change < 1_000; change++) full.tell({ MAINPID: change });
    refusal = undefined;
    await vi.advanceTimersByTimeAsync(100);
    expect(sent).toHaveLength(64);
    expect(sent.at(-1)).toBe('MAINPID=999');
  });

  test('is waited for until it has been told, or for as long as was said', async () => {
    const full = manager();
    await full.told(1_000);
    refusal = 'EAGAIN';
    full.tell({ MAINPID: 1 });
    let over = 0;
    void full.told(1_000).then(() => over++);
    void full.told(60_000).then(() => over++);
    await vi.advanceTimersByTimeAsync(900);
    expect(over).toBe(0);
    await vi.advanceTimersByTimeAsync(200);
    expect(over).toBe(1);
    refusal = undefined;
    await vi.advanceTimersByTimeAsync(100);
    expect([over, sent]).toEqual([2, ['MAINPID=1']]);
  });

  test.each(['ENOENT', 'ECONNREFUSED', 'EACCES', 'EMSGSIZE'])(
    'that cannot be reached (%s) is given up, once told',
    (code) => {
      const gone = manager();
      refusal = code;
      gone.tell({ READY: 1 });
      gone.report({ WATCHDOG: 1 });
      expect(failures).toEqual([code]);
      refusal = undefined;
      gone.tell({ STOPPING: 1 });
      expect(sent).toEqual(['STOPPING=1']);
    },
  );
});
