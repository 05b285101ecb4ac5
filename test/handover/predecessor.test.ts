/** What the owner makes of a successor that has byte 0 and does not say so. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import type { Channel } from '../../src/handover/channel.js';
import { Ownership } from '../../src/handover/ownership.js';
import { type Estate, type HandoverOutcome, handOver } from '../../src/handover/predecessor.js';
import { WAITS } from '../../src/handover/protocol.js';
import { closeAfterEach, inTime, nativeBinding, own, temporaryDirectory } from '../native/support.js';
import { next, pair } from '../support/channels.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';

/** What takes seconds takes tenths here: what is waited for is the same. */
vi.mock(import('../../src/handover/protocol.js'), async (original) => {
  const protocol = await original();
  return { ...protocol, WAITS: { ...protocol.WAITS, owner: 1_000, ownerLock: 400 } as never };
});

expectNoDescriptorLeak();
closeAfterEach();

/** What the test decides, and what the owner has done. */
interface World {
  pathIsOurs: boolean;
  isAnothers: boolean;
  /** The child, if the successor is one. */
  child: { alive: boolean; killed: number } | undefined;
}

interface Scene {
  /** The successor's end, and its locks: it has byte 0. */
  successor: Channel;
  locks: Ownership;
  estate: Estate;
  outcome: Promise<HandoverOutcome>;
  /** undefined: it is not decided yet. */
  readonly decided: HandoverOutcome['kind'] | undefined;
}

/** A hand-over up to where the successor has taken byte 0 and said nothing of it. */
async function begin(world: World): Promise<Scene> {
  const path = join(temporaryDirectory(), 'control');
  const [ours, successor] = pair();
  const locks = own(Ownership.of(nativeBinding(), path));
  const ownership = own(Ownership.of(nativeBinding(), path));
  ownership.tryOwner();
  const { child } = world;
  const estate: Estate = {
    ownership,
    generation: 1,
    features: [],
    listeners: [],
    secrets: {},
    books: () => ({ accounts: [] }) as never,
    passBooksOn: () => ({ accounts: [] }) as never,
    stderr: undefined,
    readyTimeout: 5_000,
    signal: new AbortController().signal,
    pathIsOurs: () => world.pathIsOurs,
    isAnothers: () => world.isAnothers,
    child: child && {
      kill: () => {
        child.killed += 1;
      },
      get alive() {
        return child.alive;
      },
    },
    onSilence: () => undefined,
    onReady: () => undefined,
  };
  let decided: HandoverOutcome['kind'] | undefined;
  const outcome = handOver(
    ours,
    { type: 'take-over', versions: [1], features: [], pid: process.pid },
    estate,
  ).finally(() => own(ours));
  void outcome.then(({ kind }) => {
    decided = kind;
  });
  expect((await next(successor)).type).toBe('offer');
  successor.send({ type: 'ready', unclaimed: [], controlPath: path, pidfilePath: null });
  expect((await next(successor)).type).toBe('yours');
  expect(locks.tryOwner()).toBe(true);
  return {
    successor,
    locks,
    estate,
    outcome,
    get decided() {
      return decided;
    },
  };
}

const needs = requirement('addon', 'proc');
/** Time is what is tested: that nothing is decided in it. Longer than anything is waited for after the connection has ended. */
const LONGER = WAITS.ownerLock + 300;

describe('a successor that is cut off from the owner', needs, () => {
  test('and serves is believed a while later, when the path is its', async () => {
    const world: World = { pathIsOurs: false, isAnothers: false, child: undefined };
    const scene = await begin(world);
    const since = performance.now();
    scene.successor.close();
    expect(await inTime(scene.outcome, 'an outcome')).toMatchObject({ kind: 'given', generation: 2 });
    expect(performance.now() - since).toBeGreaterThan(WAITS.ownerLock - 10);
  });

  test('and dies leaves the service to the owner', async () => {
    const world: World = { pathIsOurs: false, isAnothers: false, child: undefined };
    const scene = await begin(world);
    scene.successor.close();
    await delay(WAITS.ownerLock / 2);
    expect(scene.decided).toBeUndefined();
    scene.locks.releaseOwner();
    expect(await inTime(scene.outcome, 'an outcome')).toMatchObject({ kind: 'kept', generation: 2 });
    expect(scene.estate.ownership.isOwner).toBe(true);
  });

  test('is believed at once when a third process is found at the path', async () => {
    const world: World = { pathIsOurs: false, isAnothers: true, child: undefined };
    const scene = await begin(world);
    // Between two later owners byte 0 is free for an instant.
    scene.locks.releaseOwner();
    scene.successor.close();
    expect(await inTime(scene.outcome, 'an outcome')).toMatchObject({ kind: 'given' });
    expect(scene.estate.ownership.isOwner).toBe(false);
  });

  test('as our child and is not found at the path is killed, and its lock waited for', async () => {
    const child = { alive: true, killed: 0 };
    const world: World = { pathIsOurs: true, isAnothers: false, child };
    const scene = await begin(world);
    scene.successor.close();
    await delay(LONGER);
    expect(child.killed).toBe(1);
    // It came to that before the signal did, and dumps core now.
    world.pathIsOurs = false;
    await delay(LONGER);
    expect(scene.decided).toBeUndefined();
    child.alive = false;
    await delay(WAITS.ownerLock / 2);
    scene.locks.releaseOwner();
    expect(await inTime(scene.outcome, 'an outcome')).toMatchObject({ kind: 'kept', generation: 2 });
  });
});

describe('a child that has byte 0 and is silent', needs, () => {
  /** Until it is killed. */
  async function silent(): Promise<Scene & { world: World; child: { alive: boolean; killed: number } }> {
    const child = { alive: true, killed: 0 };
    const world: World = { pathIsOurs: true, isAnothers: false, child };
    const scene = await begin(world);
    await delay(WAITS.owner - 200);
    expect(child.killed).toBe(0);
    await delay(400);
    expect(child.killed).toBe(1);
    return Object.assign(Object.create(scene) as Scene, { world, child });
  }

  test('is killed, and what it said before it died proves nothing', async () => {
    const scene = await silent();
    scene.successor.send({ type: 'owner', generation: 2 });
    scene.world.pathIsOurs = false;
    await delay(LONGER);
    expect(scene.decided).toBeUndefined();
    scene.child.alive = false;
    scene.locks.releaseOwner();
    expect(await inTime(scene.outcome, 'an outcome')).toMatchObject({ kind: 'kept', generation: 2 });
  });

  test('and is gone has not byte 0: who holds it then, and the path, is the owner', async () => {
    const scene = await silent();
    scene.world.pathIsOurs = false;
    scene.child.alive = false;
    const since = performance.now();
    expect(await inTime(scene.outcome, 'an outcome')).toMatchObject({ kind: 'given', generation: 2 });
    expect(performance.now() - since).toBeGreaterThan(WAITS.ownerLock - 100);
  });
});

test(
  'a process that was not started by the owner is not killed, and may say `owner` late',
  needs,
  async () => {
    const scene = await begin({ pathIsOurs: false, isAnothers: false, child: undefined });
    await delay(WAITS.owner + LONGER);
    expect(scene.decided).toBeUndefined();
    scene.successor.send({ type: 'owner', generation: 2 });
    expect(await inTime(scene.outcome, 'an outcome')).toMatchObject({ kind: 'given', generation: 2 });
  },
);
