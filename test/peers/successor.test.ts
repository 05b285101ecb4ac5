/** What a successor, or whoever else connects, can do to an owner: it serves on, says so once, and hands over to the next. */
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { MAX_DESCRIPTORS, type Message } from '../../src/handover/protocol.js';
import { closeAfterEach, own } from '../native/support.js';
import { pipes } from '../support/channels.js';
import { ControlPeer } from '../support/control-peer.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import {
  ask,
  echo,
  serving,
  type TestServer,
  temporaryDirectory,
  until,
  within,
} from '../support/in-process.js';
import { BOMBS, MESSAGES, TYPES } from '../support/messages.js';
import { requirement } from '../support/requirements.js';

/** What takes seconds takes tenths here: what is waited for is the same. */
vi.mock(import('../../src/handover/protocol.js'), async (original) => {
  const protocol = await original();
  const WAITS = { ...protocol.WAITS, firstPacket: 300, batch: 300, owner: 300, settle: 0 };
  return { ...protocol, WAITS: WAITS as never };
});

expectNoDescriptorLeak();
closeAfterEach();

const needs = requirement('addon', 'proc');
const FAILED = 'hand-over failed, serving on';
const TURNED_AWAY = 'whoever connected to the control path was turned away';
const ORDERS: readonly string[] = ['take-over', 'stand-by', 'status', 'restart', 'rollback', 'stop'];

let controlPath: string;
let owner: TestServer;

beforeEach(async () => {
  if (!needs.met) return;
  controlPath = join(temporaryDirectory(), 'control');
  owner = await serving(echo, { controlPath, readyTimeout: 400 });
});

/** How far a successor is, each with what it says to get there. */
const STAGES = {
  'the first packet': [],
  'an acknowledgement of the listeners': ['take-over'],
  ready: ['take-over', 'received'],
  owner: ['take-over', 'received', 'ready'],
} as const;
type Stage = keyof typeof STAGES;
/** What the owner has answered by then. */
const ANSWERS: Readonly<Record<Stage, number>> = {
  'the first packet': 0,
  'an acknowledgement of the listeners': 2,
  ready: 2,
  owner: 3,
};

function ready(): Message {
  return { ...MESSAGES.ready, controlPath };
}

async function successorAt(stage: Stage): Promise<ControlPeer> {
  const peer = own(new ControlPeer(controlPath));
  for (const type of STAGES[stage]) {
    if (type === 'received') await until(() => peer.messages.length === 2, 'the listeners');
    peer.send(type === 'ready' ? ready() : MESSAGES[type]);
  }
  await until(() => peer.messages.length === ANSWERS[stage], 'the answers');
  return peer;
}

/** The owner has ended the exchange and serves; it says why in one line, and the next one takes over. */
async function unharmed(peer: ControlPeer, line: string, why: unknown): Promise<void> {
  await within(peer.dropped, 'the end of the connection');
  await until(() => owner.state === 'serving', 'the owner to serve on');
  const told = owner.log.entries.filter(({ level }) => level === 'warn' || level === 'error');
  expect(told).toEqual([expect.objectContaining({ message: line, facts: expect.objectContaining(why) })]);
  expect(await ask(owner, 'hello')).toBe('hello');
  const next = await serving(echo, { controlPath });
  await within(owner.stopped, 'the owner to leave');
  expect(await ask(next, 'hello')).toBe('hello');
}

const because = (reason: RegExp): object => ({ reason: expect.stringMatching(reason) as string });
const code = (name: string): object => ({
  err: expect.objectContaining({ code: `UNINTERRUPTIBLE_${name}` }) as Error,
});

describe('as a first packet', needs, () => {
  test.each(BOMBS)('%s is turned away', async (_what, packet) => {
    const peer = await successorAt('the first packet');
    peer.send(packet);
    await unharmed(peer, TURNED_AWAY, because(/^The peer sent /));
  });

  test.each(TYPES.filter((type) => !ORDERS.includes(type)))('%s is turned away', async (type) => {
    const peer = await successorAt('the first packet');
    peer.send(MESSAGES[type]);
    await unharmed(peer, TURNED_AWAY, because(new RegExp(`^A ${type} message is no order`)));
  });

  test('nothing is turned away in time', async () => {
    await unharmed(await successorAt('the first packet'), TURNED_AWAY, because(/did not answer/));
  });

  test('one that nobody understands is told ten times a minute, not for each', async () => {
    const peers = Array.from({ length: 50 }, () => own(new ControlPeer(controlPath)));
    for (const peer of peers) peer.send('{');
    await Promise.all(peers.map(({ dropped }) => dropped));
    expect(owner.log.of(TURNED_AWAY)).toHaveLength(10);
  });

  test('leaving again without a word is nothing to tell', async () => {
    const peer = await successorAt('the first packet');
    peer.close();
    own(new ControlPeer(controlPath)).send(MESSAGES.status);
    expect(await ask(owner, 'hello')).toBe('hello');
    expect(owner.log.of(TURNED_AWAY)).toEqual([]);
  });
});

describe.each<[Stage, readonly string[]]>([
  ['an acknowledgement of the listeners', ['received']],
  ['ready', ['ready']],
  ['owner', ['owner']],
])('where %s is due', (stage, due) => {
  test.each(TYPES.filter((type) => !due.includes(type)))('%s ends the exchange', needs, async (type) => {
    const peer = await successorAt(stage);
    peer.send(MESSAGES[type]);
    // That is how a successor says that it cannot.
    await unharmed(peer, FAILED, code(type === 'failed' ? 'RESTART_FAILED' : 'HANDOVER_PROTOCOL'));
  });

  test.each([1, MAX_DESCRIPTORS])('so do %i descriptors with it', needs, async (descriptors) => {
    const peer = await successorAt(stage);
    const [type] = due as readonly Message['type'][];
    peer.send({ ...(type === 'ready' ? ready() : MESSAGES[type!]), descriptors }, pipes(descriptors));
    await unharmed(peer, FAILED, code('HANDOVER_PROTOCOL'));
  });

  test.each(BOMBS)('so do %s', needs, async (_what, packet) => {
    const peer = await successorAt(stage);
    peer.send(packet);
    await unharmed(peer, FAILED, code('HANDOVER_PROTOCOL'));
  });

  test('so does nothing, in time', needs, async () => {
    await unharmed(await successorAt(stage), FAILED, code('HANDOVER_TIMEOUT'));
  });

  test('so does who does not read, in time', needs, async () => {
    const peer = await successorAt(stage);
    peer.ignore();
    await until(() => owner.log.of(FAILED).length === 1, 'the end of the exchange');
    peer.close();
    await unharmed(peer, FAILED, code('HANDOVER_TIMEOUT'));
  });
});

describe('a successor that hurries', needs, () => {
  test('and says owner before the service is given away does not get it', async () => {
    const peer = await successorAt('ready');
    peer.send(ready());
    peer.send(MESSAGES.owner);
    await unharmed(peer, FAILED, code('HANDOVER_PROTOCOL'));
    expect(peer.messages.map(({ type }) => type)).toEqual(['offer', 'listeners', 'cancelled']);
  });

  test('and says everything at once does not get it', async () => {
    const peer = await successorAt('the first packet');
    const { received, owner: last } = MESSAGES;
    for (const message of [MESSAGES['take-over'], received, ready(), last]) peer.send(message);
    await unharmed(peer, FAILED, code('HANDOVER_PROTOCOL'));
  });
});

test('a successor that uses listeners that were not offered does not confuse the owner', needs, async () => {
  const peer = await successorAt('ready');
  const unclaimed = Array.from({ length: 3_000 }, (_, at) => Number.MAX_SAFE_INTEGER - at);
  peer.send({ ...ready(), unclaimed });
  await until(() => peer.messages.length === 3, 'yours');
  peer.send(MESSAGES.gone);
  await unharmed(peer, FAILED, code('HANDOVER_PROTOCOL'));
});
