/** G5: only the same user or root may take over or give orders, and what a peer sends can end the exchange, never the server. */
import { randomBytes } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Descriptor } from '../../src/binding.js';
import { binding, ControlPeer } from '../support/control-peer.js';
import { Generations } from '../support/generations.js';
import { addedTo, descriptorsOf, exitOf, startProgram } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

const PACKET = 65_536;
const STATUS = { type: 'status' };
const TAKE_OVER = { type: 'take-over', versions: [1], features: [], pid: 1 };

let generations: Generations;
let owner: number;
let before: string[];

beforeAll(async () => {
  if (!requirement('addon', 'proc').met) return;
  generations = await Generations.start();
  owner = generations.owner;
  await generations.order({ type: 'status' });
  await generations.request('hello');
  before = descriptorsOf(owner);
});
afterAll(async () => {
  if (requirement('addon', 'proc').met) await generations.end();
});

/** Descriptors of the server that it did not have before. */
function added(): string[] {
  return addedTo(before, descriptorsOf(owner));
}

/** The server serves, and has no descriptor more than before. */
async function unharmed(): Promise<void> {
  await generations.until(() => added().length === 0, 'the descriptors to be those of before');
  expect(await generations.request('hello')).toBe(`hello ${owner}`);
  expect(await generations.order({ type: 'status' })).toMatchObject({
    status: { state: 'serving', pid: owner },
  });
}

const peers: ControlPeer[] = [];
afterEach(() => {
  for (const peer of peers.splice(0)) peer.close();
});

/** A peer that is gone at the end of the test, whatever happens. */
function connected(): ControlPeer {
  const peer = new ControlPeer(generations.controlPath);
  peers.push(peer);
  return peer;
}

/** As many descriptors as a packet can carry, each another one. */
function strays(count = 253): Descriptor[] {
  const [first, second] = binding().pipe();
  second.close();
  const made = [first];
  while (made.length < count) made.push(first.duplicate());
  return made;
}

function nested(depth: number, open: string, close: string): string {
  return open.repeat(depth) + close.repeat(depth);
}

describe('what a peer sends ends the exchange and nothing else', requirement('addon', 'proc'), () => {
  test.each<[string, Uint8Array | string | object]>([
    ['random bytes', randomBytes(1_000)],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
    ['text', 'hello'],
    ['a list', '[]'],
    ['a number', '1'],
    ['null', 'null'],
    ['an object without a type', '{}'],
    ['an unknown type', { type: 'constructor' }],
    ['a type from the prototype', { type: '__proto__' }],
    ['an answer instead of a question', { type: 'restarted', pid: 1, generation: 1 }],
    ['a take-over without versions', { type: 'take-over', features: [], pid: 1 }],
    ['a take-over with a wrong pid', { ...TAKE_OVER, pid: -1 }],
    [
      'one byte more than a packet may have',
      JSON.stringify({ ...STATUS, pad: '' }).replace('""', `"${'x'.repeat(PACKET - 26)}"`),
    ],
    ['the largest packet the kernel takes', Buffer.alloc(200_000, 0x20)],
    ['an empty packet', ''],
    ['lists in lists', nested(PACKET / 2, '[', ']')],
    ['lists in lists as the type', `{"type":${nested(30_000, '[', ']')}}`],
    [
      'lists in lists as the number of descriptors',
      `{"type":"status","descriptors":${nested(30_000, '[', ']')}}`,
    ],
    [
      'objects in objects as an answer',
      `{"type":"status","status":${nested(10_000, '{"a":', '}').replace(':}', ':1}')}}`,
    ],
  ])('%s', async (_name, packet) => {
    const peer = connected();
    peer.send(packet);
    await peer.dropped;
    await unharmed();
  });

  test('a packet of exactly the largest size is understood', async () => {
    const peer = connected();
    const packet = JSON.stringify({ ...STATUS, pad: '' });
    peer.send(packet.replace('""', `"${'x'.repeat(PACKET - packet.length)}"`));
    await peer.dropped;
    expect(peer.messages).toMatchObject([{ type: 'status', status: { pid: owner } }]);
  });

  test.each<[string, object | string]>([
    ['announced', { ...STATUS, descriptors: 253 }],
    ['unannounced', STATUS],
    ['announced in part', { ...STATUS, descriptors: 252 }],
    ['beside garbage', 'hello'],
    ['with a take-over', { ...TAKE_OVER, token: 'x', descriptors: 253 }],
    ['with an empty packet', ''],
  ])('253 stray descriptors, %s, are closed', async (_name, packet) => {
    const peer = connected();
    const given = strays();
    peer.send(packet, given);
    for (const descriptor of given) descriptor.close();
    await peer.dropped;
    await unharmed();
  });

  test('descriptors that are announced and do not come', async () => {
    const peer = connected();
    peer.send({ ...STATUS, descriptors: 1 });
    await peer.dropped;
    expect(peer.messages).toEqual([]);
    await unharmed();
  });

  test('a peer that says that it drains, keeps sending descriptors and never reads', async () => {
    const peer = connected();
    peer.ignore();
    peer.send({ type: 'stand-by', pid: 1, generation: 1, connections: 0 });
    const given = strays(10);
    for (let sent = 0; sent < 20; ) {
      if (peer.send({ type: 'draining', connections: sent, descriptors: 10 }, given)) sent += 1;
      else await generations.order({ type: 'status' });
    }
    for (const descriptor of given) descriptor.close();
    // It is still there, with one descriptor in the server.
    await generations.until(
      () => added().length === 1,
      'the stray descriptors to be closed, not only by the garbage collector',
      2_000,
    );
    peer.close();
    await unharmed();
  });

  test('a forged token', async () => {
    const peer = connected();
    peer.send({ ...TAKE_OVER, token: '0'.repeat(64) });
    await peer.dropped;
    expect(peer.messages).toMatchObject([{ type: 'refused', reason: 'forbidden' }]);
    await unharmed();
  });

  test('a thousand connects at once are all answered', async () => {
    const ask = async (): Promise<string | undefined> => {
      for (;;) {
        try {
          const peer = connected();
          peer.send(STATUS);
          await peer.dropped;
          return peer.messages[0]?.type;
        } catch {
          // EAGAIN: the queue is full.
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    };
    const answers = await Promise.all(Array.from({ length: 1_000 }, ask));
    expect(answers.filter((type) => type !== 'status')).toEqual([]);
    await unharmed();
  });

  test('peers that say nothing are dropped after five seconds, and do not keep others out meanwhile', async () => {
    const silent = Array.from({ length: 50 }, connected);
    const since = performance.now();
    expect(await generations.order({ type: 'status' })).toMatchObject({ status: { pid: owner } });
    await Promise.all(silent.map(async ({ dropped }) => dropped));
    expect(performance.now() - since).toBeGreaterThan(4_900);
    await unharmed();
  });
});

describe('another user', requirement('addon', 'proc', 'root'), () => {
  /** What a process of nobody that connects is told. */
  async function told(message: object): Promise<unknown[]> {
    const { child, lines } = startProgram(
      'stranger',
      'connect',
      generations.controlPath,
      JSON.stringify(message),
    );
    const exit = exitOf(child);
    const messages: unknown[] = [];
    for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
      messages.push(JSON.parse(line.value));
    }
    expect(await exit).toEqual({ code: 0, signal: null });
    return messages;
  }

  test('does not even reach the control socket', async () => {
    expect(await told(STATUS)).toEqual([{ error: 'EACCES' }]);
    chmodSync(generations.directory, 0o777);
    expect(await told(STATUS)).toEqual([{ error: 'EACCES' }]);
    await unharmed();
  });

  test.each([STATUS, TAKE_OVER, { type: 'restart' }, { type: 'stop' }])(
    'is refused before a word is exchanged, even where the path was opened to it: %j',
    async (message) => {
      chmodSync(generations.directory, 0o777);
      chmodSync(generations.controlPath, 0o666);
      const messages = await told(message);
      expect(messages[0]).toMatchObject({ type: 'refused', reason: 'forbidden' });
      expect(messages).toHaveLength(2);
      await unharmed();
    },
  );

  test('who holds the control path gets no successor', async () => {
    const squatted = new Generations();
    chmodSync(squatted.directory, 0o777);
    const { child: squatter, lines } = startProgram('stranger', 'squat', squatted.controlPath);
    try {
      expect(JSON.parse((await lines.next()).value as string)).toEqual({ listening: squatted.controlPath });
      squatted.deploy({});
      expect(await exitOf(squatted.launch())).toEqual({ code: 1, signal: null });
      await squatted.until(
        () => squatted.stderr.includes('UNINTERRUPTIBLE_HANDOVER_FORBIDDEN'),
        'the reason',
      );
      expect(squatted.stderr).toContain(
        'The owner runs as uid 65534, this process as uid 0: start it as that user, if that service is yours.',
      );
      // Not a word was said to it.
      expect(JSON.parse((await lines.next()).value as string)).toEqual({ end: 'end' });
    } finally {
      squatter.kill('SIGKILL');
      await exitOf(squatter);
      await squatted.end();
    }
  });
});
