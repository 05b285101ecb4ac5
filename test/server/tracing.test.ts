import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { ConnectionEvent, StateEvent, StepEvent } from '../../src/index.js';
import { ask, serving } from '../support/in-process.js';

/** What is published on a channel until the test has finished. */
function heard<Event>(name: string): Event[] {
  const events: Event[] = [];
  const listener = (event: unknown): void => void events.push(event as Event);
  subscribe(name, listener);
  onTestFinished(() => void unsubscribe(name, listener));
  return events;
}

describe('whoever traces is told', () => {
  test('each state, and how long the one before lasted', async () => {
    const events = heard<StateEvent>('uninterruptible:state');
    const server = await serving();
    const since = performance.now();
    // How long a state lasted is what is tested.
    await new Promise((resolve) => setTimeout(resolve, 30));
    await server.stop();
    const lasted = performance.now() - since;
    expect(events.map(({ from, state }) => `${from} → ${state}`)).toEqual([
      'idle → starting',
      'starting → serving',
      'serving → stopping',
      'stopping → stopped',
    ]);
    expect(events[2]).toMatchObject({ pid: process.pid, generation: 1 });
    expect(events[2]?.milliseconds).toBeGreaterThan(25);
    expect(events[2]?.milliseconds).toBeLessThan(lasted + 1);
  });

  test('each step, and the time since it began', async () => {
    const events = heard<StepEvent>('uninterruptible:handover');
    const server = await serving();
    await server.stop();
    expect(events.map(({ operation, step }) => `${operation}: ${step}`)).toEqual([
      'start: starting',
      'start: serving',
      'stop: stopping',
      'drain: draining',
      'drain: drained',
      'stop: stopped',
    ]);
    for (const { milliseconds } of events) expect(milliseconds).toBeGreaterThanOrEqual(0);
    expect(events[1]?.milliseconds).toBeGreaterThan(events[0]?.milliseconds ?? 0);
    expect(events[1]).toMatchObject({
      listeners: server.boundListeners.map(({ bound }) => bound),
      tls: 'off',
    });
    expect(events[5]).toMatchObject({ cut: 0, pid: process.pid, generation: 1 });
  });

  test('each connection, with its server', async () => {
    const events = heard<ConnectionEvent>('uninterruptible:connection');
    const server = await serving();
    await ask(server, 'hello');
    expect(events).toHaveLength(1);
    expect(events[0]?.server).toBe(server);
    expect(events[0]?.connection).toMatchObject({ id: 1, generation: 1, probe: false });
  });
});

test('nothing is published where nobody listens', async () => {
  const names = ['state', 'connection', 'handover', 'protocol'].map((name) => `uninterruptible:${name}`);
  const spies = names.map((name) =>
    vi.spyOn(Object.getPrototypeOf(channel(name)) as { publish(): void }, 'publish'),
  );
  onTestFinished(() => void vi.restoreAllMocks());
  for (const name of names) expect(channel(name).hasSubscribers).toBe(false);
  const server = await serving();
  await ask(server, 'hello');
  await server.stop();
  for (const spy of spies) expect(spy).not.toHaveBeenCalled();
});
