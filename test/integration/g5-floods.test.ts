/** G5: peers that come in thousands, or say thousands of things: the owner's memory and descriptors stay bounded, and it serves. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAX_SILENT } from '../../src/handover/greeter.js';
import { WAITS } from '../../src/handover/protocol.js';
import { pipes } from '../support/channels.js';
import { ControlPeer } from '../support/control-peer.js';
import { Generations } from '../support/generations.js';
import { addedTo, descriptorsOf, residentMemory } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/server.mjs', import.meta.url));
const STATUS = { type: 'status' };
const TAKE_OVER = { type: 'take-over', versions: [1], features: [], pid: 1 };
/** Megabytes: what a flood leaves to the garbage collector is far below what it brings. */
const MEMORY = 64;
/** Descriptors for this and that. */
const SPARE = 8;

let generations: Generations;
let owner: number;
let before: string[];
const peers: ControlPeer[] = [];

async function serving(...[version, options]: Parameters<typeof Generations.start>): Promise<void> {
  generations = await Generations.start(version, options);
  owner = generations.owner;
  await generations.order({ type: 'status' });
  await generations.request('hello');
  before = descriptorsOf(owner);
}
afterEach(async () => {
  for (const peer of peers.splice(0)) peer.close();
  await generations.end();
});

/** But for the one that libuv keeps in reserve, once it was out of them. */
const added = (): number => addedTo(before, descriptorsOf(owner)).filter((target) => target !== '/').length;

/** One more peer, when the queue has room. Notes how many descriptors the owner has. */
async function connected(): Promise<ControlPeer> {
  for (;;) {
    try {
      const peer = new ControlPeer(generations.controlPath);
      peers.push(peer);
      return peer;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

/** The owner serves, keeps nothing, and hands over to a real successor. */
async function unharmed(): Promise<void> {
  await generations.until(() => added() === 0, 'the descriptors to be those of before');
  expect(await generations.request('hello')).toBe(`hello ${owner}`);
  expect(await generations.order({ type: 'status' })).toMatchObject({
    status: { state: 'serving', pid: owner },
  });
  const next = await generations.restart();
  expect(await generations.request('hello')).toBe(`hello ${next}`);
  expect(generations.stderr).toBe('');
}

/** The queue of the control socket is full for as long as the owner has not come to accept from it. */
async function statusOnceThereIsRoom(): Promise<unknown> {
  for (;;) {
    try {
      return await generations.order({ type: 'status' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('an owner', requirement('addon', 'proc'), () => {
  beforeEach(() => serving());

  test('of two thousand who connect and say nothing follows a few', async () => {
    let most = 0;
    for (let count = 0; count < 2_000; count += 1) {
      await connected();
      if (count % 50 === 0) most = Math.max(most, added());
    }
    expect(await statusOnceThereIsRoom()).toMatchObject({ status: { pid: owner } });
    expect(Math.max(most, added())).toBeLessThanOrEqual(MAX_SILENT + SPARE);
    for (const peer of peers) peer.close();
    await unharmed();
  });

  test('answers two thousand who want to take over at once, all but one of them with a refusal', async () => {
    const memory = residentMemory(owner);
    for (let count = 0; count < 2_000; count += 1) (await connected()).send(TAKE_OVER);
    const [first, ...others] = peers;
    await Promise.all(others.map(({ dropped }) => dropped));
    expect(first?.messages).toMatchObject([{ type: 'offer' }, { type: 'listeners' }]);
    expect(others.filter(({ messages }) => messages[0]?.['reason'] !== 'busy')).toEqual([]);
    first?.close();
    await generations.line('hand-over failed, serving on');
    expect(residentMemory(owner) - memory).toBeLessThan(MEMORY * 1024);
    await unharmed();
  });

  test('does not keep what one that drains says twenty thousand times, with descriptors', async () => {
    const memory = residentMemory(owner);
    const counters = Object.fromEntries(Array.from({ length: 64 }, (_, at) => [`${'x'.repeat(50)}${at}`, 1]));
    const [given] = pipes(1);
    const peer = await connected();
    peer.ignore();
    peer.send({ type: 'stand-by', pid: 1, generation: 1, connections: 0, process: 'x', counters });
    const report = JSON.stringify({ type: 'draining', connections: 1, counters, descriptors: 1 });
    for (let sent = 0; sent < 20_000; ) {
      if (peer.send(report, [given])) sent += 1;
      else await new Promise((resolve) => setImmediate(resolve));
    }
    given.close();
    await generations.until(() => added() === 1, 'the descriptors to be closed');
    expect(residentMemory(owner) - memory).toBeLessThan(MEMORY * 1024);
    peer.close();
    await unharmed();
  });

  test('tells a few of those who send one byte at a time, and listens to none', async () => {
    const packet = JSON.stringify(STATUS);
    for (let count = 0; count < 200; count += 1) {
      const peer = await connected();
      for (const byte of packet) {
        try {
          peer.send(byte);
        } catch {
          break; // EPIPE: the first was enough
        }
      }
    }
    await Promise.all(peers.map(({ dropped }) => dropped));
    expect(peers.flatMap(({ messages }) => messages)).toEqual([]);
    const told = generations.lines.filter(({ msg }) => msg.includes('was turned away'));
    expect(told).toHaveLength(10);
    expect(told[0]).toMatchObject({ level: 40, by: process.pid, uid: process.getuid?.() });
    await unharmed();
  });
});

test(
  'an owner lets a few operators wait for what comes of their orders',
  requirement('addon', 'proc'),
  async () => {
    const bind = 'tcp://127.0.0.1:0';
    await serving();
    const { controlPath } = generations;
    const servers = [{ bind, controlPath }];
    generations.deploy({ servers, warmUp: 1_500 });
    for (let count = 0; count < 300; count += 1) (await connected()).send({ type: 'restart' });
    const refused = (): number =>
      peers.filter(({ messages }) => messages.some(({ reason }) => reason === 'busy')).length;
    await generations.until(() => refused() === 300 - 64, 'the others to be refused');
    expect(added()).toBeLessThanOrEqual(64 + SPARE + SPARE);
    // Those that leave make room.
    for (const peer of peers
      .filter(({ messages }) => messages.length === 0 || messages[0]?.type === 'progress')
      .slice(0, 5)) {
      peer.close();
    }
    const late = await connected();
    late.send({ type: 'restart' });
    generations.deploy({});
    await generations.line('handed over', ({ pid }) => pid === owner);
    await Promise.all(peers.map(({ dropped }) => dropped));
    expect(late.messages.at(-1)).toMatchObject({ type: 'restarted' });
    const next = await generations.restart();
    expect(await generations.request('hello')).toBe(`hello ${next}`);
  },
);

describe('a server that may open few descriptors', requirement('addon', 'proc'), () => {
  /** It is started so, and its successors as the file says by then. */
  async function limited(first: number, binds: number): Promise<(descriptors: number) => void> {
    generations = new Generations();
    const file = join(generations.directory, 'trace');
    const limit = (descriptors: number): void => writeFileSync(file, String(descriptors));
    limit(first);
    const script = 'ulimit -n $(cat "$0"); exec "$@"';
    const command: [string, ...string[]] = [
      'sh',
      '-c',
      script,
      file,
      process.execPath,
      FIXTURE,
      generations.optionsPath,
    ];
    const bind = Array.from({ length: binds }, () => 'tcp://127.0.0.1:0');
    generations.deploy({ servers: [{ bind, controlPath: generations.controlPath, startCommand: command }] });
    generations.launch({ command });
    await generations.line('serving');
    owner = generations.owner;
    await generations.order({ type: 'status' });
    before = descriptorsOf(owner);
    return limit;
  }

  test('is not kept from its clients by peers that say nothing, and turns away what it has no room for', async () => {
    await limited(48, 1);
    const stranger = await connected();
    const given = pipes(253);
    stranger.send({ ...STATUS, descriptors: 253 }, given);
    await stranger.dropped;
    const turnedAway = await generations.line('whoever connected to the control path was turned away');
    expect(turnedAway['reason']).toBe('The peer sent descriptors that this process has no room for.');
    for (let count = 0; count < 80; count += 1) await connected();
    await generations.line('whoever connects to the control path has to wait');
    // Out of descriptors libuv drops whoever it cannot accept. Until those who say nothing are dropped it would be all of them.
    const deadline = performance.now() + WAITS.firstPacket / 2;
    let answer = '';
    while (answer === '' && performance.now() < deadline) {
      answer = await generations.request('hello').catch(() => '');
    }
    expect(answer).toBe(`hello ${owner}`);
    for (const peer of peers) peer.close();
    await unharmed();
  });

  test('gets no successor that has no room for the listeners, and serves on', async () => {
    const limit = await limited(1_000, 60);
    limit(48);
    expect(await generations.order({ type: 'restart' })).toMatchObject({
      type: 'failed',
      message: 'The peer sent descriptors that this process has no room for.',
    });
    limit(1_000);
    const { err } = await generations.line('hand-over failed, serving on');
    expect(err?.details).toMatchObject({ code: 'UNINTERRUPTIBLE_HANDOVER_PROTOCOL' });
    expect(await generations.request('hello')).toBe(`hello ${owner}`);
    const next = await generations.restart();
    expect(await generations.request('hello')).toBe(`hello ${next}`);
  });
});
