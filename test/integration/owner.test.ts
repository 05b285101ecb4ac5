/** What an owner answers at its control path, in whatever language it is written (docs/protocol.md). */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { type Binding, type Descriptor, loadBinding } from '../../src/binding.js';
import { Channel, closeAll } from '../../src/handover/channel.js';
import { MAX_PACKET_BYTES, type Message, type TakeOver } from '../../src/handover/protocol.js';
import { DEADLINE, Generations } from '../support/generations.js';
import { requirement } from '../support/requirements.js';

const ADOPT = fileURLToPath(new URL('../../examples/adopt.py', import.meta.url));
const TAKE_OVER: TakeOver = { type: 'take-over', versions: [1], features: [], pid: process.pid };

let generations: Generations;
const open: Channel[] = [];
afterEach(async () => {
  for (const channel of open.splice(0)) channel.close();
  await generations.end();
});

function binding(): Binding {
  const loaded = loadBinding();
  if ('unavailable' in loaded) throw new Error(loaded.unavailable);
  return loaded.binding;
}

/** Starts a server in Node, and lets one in Python take over from it if that is asked for. */
async function startOwner(language: string): Promise<number> {
  generations = await Generations.start();
  if (language === 'Node') return generations.owner;
  const python = generations.launch({ command: ['python3', '-B', ADOPT, generations.controlPath] });
  await generations.line('serving', ({ pid }) => pid === python.pid);
  await generations.line('leaving');
  return generations.owner;
}

function connect(): Channel {
  const channel = Channel.connect(binding(), generations.controlPath);
  open.push(channel);
  return channel;
}

/** What it answers, apart from `busy`: it says that for a second after the last change. */
async function answerTo(message: Message): Promise<{ answer: Message; channel: Channel }> {
  for (;;) {
    const channel = connect();
    channel.send(message);
    const { message: answer, descriptors } = await channel.receive(DEADLINE);
    closeAll(descriptors);
    if (answer.type !== 'refused' || answer.reason !== 'busy') return { answer, channel };
    channel.close();
  }
}

/** Sends one packet as it is. Resolves when the owner has ended the connection without a word. */
async function endsOn(data: string, descriptors: readonly Descriptor[] = []): Promise<void> {
  const end = new Promise<unknown>((resolve) => {
    const socket = new (binding().ControlSocket)(
      binding().connectUnix(generations.controlPath, 'seqpacket'),
      () => {
        const packet = socket.receive(MAX_PACKET_BYTES);
        if (packet === null) return;
        socket.close();
        resolve(packet.kind === 'packet' ? packet.data.toString() : packet.kind);
      },
    );
    socket.ref();
    socket.send(Buffer.from(data), descriptors);
    socket.watch(true, false);
  });
  expect(await end, data.slice(0, 80)).toBe('end');
}

describe.each([
  ['Node', requirement('addon', 'proc')],
  ['Python', requirement('addon', 'proc', 'python3')],
] as const)('an owner in %s', (language, needs) => {
  test('answers first packets as the contract says', needs, async () => {
    const pid = await startOwner(language);
    expect((await answerTo({ type: 'status' })).answer).toMatchObject({
      type: 'status',
      status: { state: 'serving', pid, generation: language === 'Node' ? 1 : 2 },
    });
    expect((await answerTo({ ...TAKE_OVER, versions: [0, 2] })).answer).toMatchObject({
      type: 'refused',
      reason: 'no-common-version',
      versions: [1],
    });
    expect((await answerTo({ ...TAKE_OVER, token: 'guessed' })).answer).toMatchObject({
      type: 'refused',
      reason: 'forbidden',
    });
    expect((await answerTo({ ...TAKE_OVER, versions: [2, 1, 0] })).answer).toMatchObject({
      type: 'offer',
      version: 1,
      pid,
      listeners: 1,
    });
  });

  test('is busy while a hand-over runs, and free again when that is given up', needs, async () => {
    const pid = await startOwner(language);
    const { channel } = await answerTo(TAKE_OVER);
    const second = connect();
    second.send(TAKE_OVER);
    expect((await second.receive(DEADLINE)).message).toMatchObject({ type: 'refused', reason: 'busy' });
    expect((await answerTo({ type: 'status' })).answer).toMatchObject({ status: { state: 'handing-over' } });
    channel.close();
    await generations.line('hand-over failed, serving on');
    expect((await answerTo(TAKE_OVER)).answer).toMatchObject({ type: 'offer' });
    expect(await generations.request('hello')).toBe(`hello ${pid}`);
  });

  test('ends the connection of who sends nonsense, keeps nothing of it, and serves on', needs, async () => {
    const pid = await startOwner(language);
    await endsOn('nonsense');
    const openBefore = readdirSync(`/proc/${pid}/fd`).length;
    const stray = binding().socketPair('stream');
    const long = JSON.stringify({ ...TAKE_OVER, program: 'x'.repeat(MAX_PACKET_BYTES) });
    for (const packet of ['', '\xff', '[]', 'null', '1', '{}', '{"type":1}', '{"type":"take-back"}', long]) {
      await endsOn(packet);
    }
    await endsOn('{"type":"gone"}');
    await endsOn('{"type":"take-over"}');
    await endsOn('{"type":"status","descriptors":1}');
    await endsOn('{"type":"status"}', stray);
    await endsOn('{"type":"bye","descriptors":2}', stray);
    closeAll(stray);
    await generations.until(
      () => readdirSync(`/proc/${pid}/fd`).length <= openBefore,
      'descriptors to close',
    );
    expect(await generations.request('hello')).toBe(`hello ${pid}`);
    expect((await answerTo({ type: 'status' })).answer).toMatchObject({ status: { state: 'serving' } });
  });
});
