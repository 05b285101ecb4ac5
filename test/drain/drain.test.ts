import { Socket } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ConnectionTracker } from '../../src/connections/connection-tracker.js';
import { drain } from '../../src/drain/drain.js';
import { Log } from '../../src/log/log.js';
import { Ledger } from '../../src/metrics/ledger.js';
import { drainMembers } from '../../src/service/drain-members.js';
import type { Service } from '../../src/service/service.js';
import { Timeline } from '../../src/service/timeline.js';
import { KeptLog } from '../support/in-process.js';

const HOUR = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A tracker with open connections of one listener, and how to close the oldest. */
function connections(count: number, name = 'api'): { tracker: ConnectionTracker; close: () => void } {
  const tracker = new ConnectionTracker({ closed: () => undefined, failed: () => undefined });
  const info = { name, bound: 'b', kind: 'tcp', address: '127.0.0.1', port: 1 } as const;
  const sockets = Array.from({ length: count }, () => new Socket());
  for (const socket of sockets) tracker.add(socket, info, 1);
  return { tracker, close: () => sockets.shift()?.emit('close') };
}

test('the number of connections is told when it changes, at most once a second', async () => {
  const { tracker, close } = connections(3);
  const onProgress = vi.fn();
  const drained = drain([tracker], {
    deadline: null,
    signal: new AbortController().signal,
    onProgress,
    hurry: new AbortController().signal,
    patience: HOUR,
    onLongWait: () => undefined,
  });
  vi.advanceTimersByTime(5_000);
  expect(onProgress).not.toHaveBeenCalled();
  close();
  close();
  vi.advanceTimersByTime(5_000);
  expect(onProgress).toHaveBeenCalledOnce();
  close();
  expect(await drained).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

test('a drain keeps the process alive by itself: a connection may not', async () => {
  const { tracker, close } = connections(1);
  const timers = vi.spyOn(globalThis, 'setInterval');
  const { signal } = new AbortController();
  const drained = drain([tracker], {
    deadline: null,
    signal,
    onProgress: () => undefined,
    hurry: new AbortController().signal,
    patience: HOUR,
    onLongWait: () => undefined,
  });
  expect(timers.mock.results.some(({ value }) => (value as NodeJS.Timeout).hasRef())).toBe(true);
  close();
  await drained;
});

function draining(facts: { state: string; stopCalled?: boolean; drainTimeout?: number }): {
  log: KeptLog;
  closeAll: () => Promise<unknown>;
} {
  const log = new KeptLog();
  const [api, admin] = [connections(2), connections(1, 'admin')];
  const out = new Log(log, () => 1, { debugging: true });
  const service = {
    log: out,
    step: (step: string, facts: object) => out.info(step, { ...facts }),
    trace: () => undefined,
    timeline: new Timeline(),
    ledger: new Ledger({ process: 'this', since: 0, read: () => [] }),
    active: 3,
    idle: 1,
    stopped: new Promise(() => undefined),
    stopCalled: facts.stopCalled ?? false,
    hurried: new AbortController().signal,
    configuration: { drainTimeout: facts.drainTimeout ?? null },
    lifecycle: { is: (state: string) => state === facts.state },
    members: [api, admin].map(({ tracker }) => ({ tracker, onDrain: async () => undefined })),
  } as unknown as Service;
  const drained = drainMembers(service, new AbortController().signal);
  return {
    log,
    closeAll: () => {
      for (const close of [api.close, api.close, admin.close]) close();
      return drained;
    },
  };
}

test('the beginning is logged once', async () => {
  const { log, closeAll } = draining({ state: 'draining' });
  expect(log.of('draining')).toMatchObject([{ level: 'info', facts: { connections: 3, busy: 2 } }]);
  await closeAll();
  expect(log.of('draining')).toHaveLength(1);
});

test.each([
  ['stopping', false, 'still draining; drainTimeout is not set', 10_000],
  ['stopping', true, 'still draining; did the handler of the oldest connection await stop()?', 10_000],
  ['draining', false, 'still draining; drainTimeout is not set', HOUR],
])(
  'one that takes long (%s, stop() called: %s) is warned of, by the connections it waits for',
  async (state, stopCalled, message, patience) => {
    const { log, closeAll } = draining({ state, stopCalled });
    const warned = (): number => log.entries.filter(({ level }) => level === 'warn').length;
    await vi.advanceTimersByTimeAsync(patience - 1);
    expect(warned()).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    const oldest = [
      { connection: 1, listener: 'api' },
      { connection: 1, listener: 'admin' },
    ];
    expect(log.of(message)).toMatchObject([{ level: 'warn', facts: { connections: 3, oldest } }]);
    await vi.advanceTimersByTimeAsync(HOUR - 1);
    expect(warned()).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(warned()).toBe(2);
    await closeAll();
    expect(vi.getTimerCount()).toBe(0);
  },
);

test('where a drainTimeout ends it, the warning does not ask for one', async () => {
  const { log } = draining({ state: 'stopping', drainTimeout: HOUR });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(log.of('still draining')).toHaveLength(1);
});
