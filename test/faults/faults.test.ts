/** The parts of the fault harness that judge, against evidence made by hand. */
import { describe, expect, test } from 'vitest';
import { catalogue, planNamed } from './catalogue.js';
import { nameOfPlan } from './fault.js';
import type { Event } from './interposer.js';
import { explain } from './losses.js';
import { seeded } from './random.js';
import { settledOwner } from './roles.js';

const POINTS = [
  { side: 'old', call: 'step:sent:offer', number: 1 },
  { side: 'new', call: 'sendmsg', number: 2 },
  { side: 'new', call: 'close', number: 1 },
] as const;

describe('the catalogue', () => {
  test('has every point, and names from which the fault can be had again', () => {
    const { singles, pairs } = catalogue('launch', POINTS, 10, seeded(7));
    expect(pairs).toHaveLength(10);
    expect(singles.map(nameOfPlan)).toEqual(
      expect.arrayContaining([
        'launch/old:step:sent:offer#1=cut',
        'launch/new:sendmsg#2=ETOOMANYREFS',
        'launch/new:close#1=interrupt',
      ]),
    );
    for (const plan of [...singles, ...pairs]) expect(planNamed(nameOfPlan(plan))).toEqual(plan);
  });

  test('draws the same pairs with the same seed, and others with another', () => {
    const draw = (seed: number): string[] =>
      catalogue('restart', POINTS, 5, seeded(seed)).pairs.map(nameOfPlan);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  test.for(['restart', 'restart/old:sendmsg#1', 'restart/old:sendmsg#1=ENOSPC', 'sideways/old:close#1=kill'])(
    'has nothing by the name of %s',
    (name) => {
      expect(planNamed(name)).toBeUndefined();
    },
  );
});

describe('a client that was lost', () => {
  const event = (at: number, pid: number, what: Event['what'], ...words: string[]): Event => ({
    at,
    pid,
    what,
    words,
  });
  const killed = [event(1_000, 10, 'hit', 'old', 'sendmsg', '1', 'kill'), event(1_000, 10, 'held', '4001')];
  const because = (
    port: number,
    at: number,
    { events = killed, peers = '', listenerLost = false, holders = [10] } = {},
  ): string | undefined =>
    explain([{ port, at, dueAt: at, why: 'ECONNRESET' }], { events, peers, listenerLost, holders })[0]
      ?.because;

  test('was held by a process that was killed, as the kernel saw it or as that one noted', () => {
    expect(because(4001, 1_001)).toMatch(/^accepted/);
    expect(because(4002, 1_001, { peers: '10 opened 4002\n' })).toMatch(/^accepted/);
    expect(because(4002, 1_001, { peers: '11 opened 4002\n' })).toBeUndefined();
    expect(because(4002, 1_001, { peers: '10 opened 4002\n10 closed 4002\n' })).toBeUndefined();
  });

  test('was held by a process that the service ended', () => {
    const events = [event(1_000, 10, 'kills', '12')];
    expect(because(4002, 1_001, { events, peers: '12 opened 4002\n' })).toMatch(/^accepted/);
  });

  test('had nobody to go to, from the death of the only holder of the listener on', () => {
    expect(because(0, 1_001, { listenerLost: true })).toMatch(/^queued/);
    expect(because(0, 1_001)).toBeUndefined();
    expect(because(0, 900, { listenerLost: true })).toBeUndefined();
    expect(because(0, 1_001, { events: [], listenerLost: true })).toBeUndefined();
  });

  test('had somebody to go to, if another had the listener too', () => {
    const received = event(900, 11, 'at', 'new', 'step:received:listeners', '1');
    const gaveUp = event(950, 11, 'at', 'new', 'step:next:released', '1');
    const losing = (...others: Event[]): string | undefined =>
      because(0, 1_001, { events: [...others, ...killed], listenerLost: true });
    expect(losing(received)).toBeUndefined();
    expect(losing(received, gaveUp)).toMatch(/^queued/);
    const failedAt = (sent: number, noted: number): Event[] => [
      event(sent, 11, 'at', 'new', 'sendmsg', '4'),
      event(noted, 11, 'at', 'new', 'step:sent:failed', '1'),
    ];
    expect(losing(received, ...failedAt(950, 951))).toMatch(/^queued/);
    expect(losing(received, ...failedAt(999, 1_001))).toMatch(/^queued/);
    expect(losing(received, ...failedAt(1_050, 1_051))).toBeUndefined();
    expect(losing(received, event(960, 11, 'at', 'new', 'step:owner:got', '1'), gaveUp)).toBeUndefined();
    expect(because(0, 1_001, { events: [received, ...killed], holders: [10, 11] })).toBeUndefined();
    const failed = event(960, 11, 'at', 'new', 'step:could-not-start', '1');
    expect(losing(received, failed)).toBeUndefined();
    expect(losing(received, event(950, 11, 'hit', 'new', 'open', '2', 'errno'), failed)).toMatch(/^queued/);
  });
});

test('the owner is known when one has the service and nobody is about to change that', () => {
  const owner = (...roles: ('dead' | 'owner' | 'former' | 'busy')[]): number | null | undefined =>
    settledOwner(new Map(roles.map((role, pid) => [pid, role])));
  expect(owner('former', 'owner')).toBe(1);
  expect(owner('owner', 'dead')).toBe(0);
  expect(owner('dead', 'dead')).toBeNull();
  expect(owner('owner', 'busy')).toBeUndefined();
  expect(owner('owner', 'owner')).toBeUndefined();
  expect(owner('former', 'dead')).toBeUndefined();
});
