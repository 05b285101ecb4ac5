import { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Connection, ListenerInfo } from '../../src/connections/connection.js';
import { ConnectionTracker } from '../../src/connections/connection-tracker.js';

const LISTENER: ListenerInfo = { name: 'n', bound: 'b', kind: 'tcp', address: '127.0.0.1', port: 1 };

function tracker(): { tracked: ConnectionTracker; open: (count: number) => Connection[] } {
  const tracked = new ConnectionTracker({ closed: () => undefined, failed: () => undefined });
  const open = (count: number): Connection[] =>
    Array.from({ length: count }, () => tracked.add(new Socket(), LISTENER, 1));
  return { tracked, open };
}

const told = (connections: readonly Connection[]): number =>
  connections.filter(({ signal }) => signal.aborted).length;

test('draining is announced in slices, so that thousands of handlers do not stall the loop', async () => {
  const { tracked, open } = tracker();
  const connections = open(1_000);
  expect(told(connections)).toBe(0);
  tracked.announceDrain();
  const counts = [told(connections)];
  while (counts.at(-1)! < connections.length && counts.length < 100) {
    await turn();
    counts.push(told(connections));
  }
  expect(counts.length).toBeGreaterThan(3);
  expect(counts.at(-1)).toBe(connections.length);
  for (const [at, count] of counts.entries()) expect(count - (counts[at - 1] ?? 0)).toBeLessThanOrEqual(256);
});

test('a resumed server stops announcing, and new connections are ordinary ones', async () => {
  const { tracked, open } = tracker();
  const connections = open(1_000);
  const first = connections[0]!.signal;
  tracked.announceDrain();
  tracked.resume();
  for (let turns = 0; turns < 10; turns++) await turn();
  expect(first.aborted).toBe(true);
  expect(told(connections)).toBe(256);
  expect(told(open(1))).toBe(0);
});

test('a connection accepted while draining gets a turn of the loop before it is told', async () => {
  const { tracked, open } = tracker();
  tracked.announceDrain();
  const [late] = open(1);
  expect(late?.signal.aborted).toBe(false);
  await turn();
  expect(late?.signal.reason).toMatchObject({ code: 'UNINTERRUPTIBLE_DRAINING' });
});

test('a signal first asked for after the fact is aborted from the start', () => {
  const { tracked, open } = tracker();
  const [connection] = open(1);
  tracked.announceDrain();
  expect(connection?.signal.aborted).toBe(true);
});

test('a probe is neither counted, announced to, nor waited for', async () => {
  const { tracked } = tracker();
  const probe = tracked.add(new Socket(), LISTENER, 1, true);
  expect([tracked.active, tracked.total]).toEqual([0, 0]);
  tracked.announceDrain();
  await tracked.whenEmpty();
  expect(tracked.destroyAll()).toBe(0);
  expect(probe.probe).toBe(true);
  expect(probe.socket.destroyed).toBe(false);
  const { ended } = probe;
  probe.socket.destroy();
  await ended;
  expect(probe.signal.reason).toMatchObject({ code: 'UNINTERRUPTIBLE_CONNECTION_CLOSED' });
  expect([tracked.active, tracked.total]).toEqual([0, 0]);
});

test('however they come and go, each is counted once and the oldest is known', () => {
  const { tracked, open } = tracker();
  const left = new Set(open(6));
  const leave = (connection: Connection): void => {
    connection.socket.emit('close');
    left.delete(connection);
  };
  for (const at of [0, 2, 5]) leave([...left].at(at % left.size)!);
  for (const late of open(2)) left.add(late);
  while (left.size > 0) {
    expect(tracked.active).toBe(left.size);
    expect(tracked.oldest).toBe([...left].sort((a, b) => a.id - b.id)[0]);
    leave([...left].at(left.size % 3 === 0 ? -1 : 0)!);
  }
  expect([tracked.active, tracked.total, tracked.oldest]).toEqual([0, 8, undefined]);
});

test('its end can be waited for, before and after', async () => {
  const { open } = tracker();
  const [early, late] = open(2);
  const { ended } = early!;
  expect(early!.ended).toBe(ended);
  early!.socket.destroy();
  late!.socket.destroy();
  await ended;
  await turn();
  await late!.ended;
});

test('the deadline destroys what is left and says how much that was', async () => {
  const { tracked, open } = tracker();
  const [first, ...others] = open(3);
  first?.socket.destroy();
  await turn();
  expect(tracked.destroyAll()).toBe(2);
  expect(others.every(({ socket }) => socket.destroyed)).toBe(true);
  await tracked.whenEmpty();
  expect([tracked.active, tracked.total]).toEqual([0, 3]);
});
