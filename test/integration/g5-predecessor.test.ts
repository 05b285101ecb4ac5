/** G5, seen from the new process: what a predecessor that is not what it says can do to it. */
import { openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Descriptor } from '../../src/binding.js';
import type { Channel } from '../../src/handover/channel.js';
import { ControlListener } from '../../src/handover/control-listener.js';
import type { ListenerRecord, Message, Offer } from '../../src/handover/protocol.js';
import { binding } from '../support/control-peer.js';
import { Generations } from '../support/generations.js';
import { RECORD } from '../support/messages.js';
import { exitOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

const OFFER: Offer = { type: 'offer', version: 1, features: [], pid: 1, generation: 7, listeners: 1 };

let generations: Generations;
const closing: { close(): void }[] = [];
afterEach(async () => {
  for (const each of closing.splice(0)) each.close();
  await generations.end();
});

function closed<T extends { close(): void }>(resource: T): T {
  closing.push(resource);
  return resource;
}

/** Starts a server whose predecessor is what `behave` makes of it. Resolves with the reason why it left. */
async function takeOverFrom(behave: (channel: Channel) => Promise<void>): Promise<string> {
  generations = new Generations();
  generations.deploy({});
  const fake = ControlListener.bind(binding(), generations.controlPath, 'owner', {
    firstPacket: (channel) => {
      closed(channel);
      behave(channel).catch(() => undefined);
    },
    exhausted: (error) => {
      throw error;
    },
    turnedAway: () => undefined,
  });
  closed(fake).publish();
  expect(await exitOf(generations.launch())).toEqual({ code: 1, signal: null });
  await generations.until(() => /code: '\w+'/.test(generations.stderr), 'the reason');
  expect(generations.lines.map(({ msg }) => msg)).not.toContain('serving');
  return /code: '(\w+)'/.exec(generations.stderr)?.[1] ?? '';
}

/** Offers one listener that is this descriptor. */
function offering(
  descriptor: Descriptor,
  record: Partial<ListenerRecord> = {},
): (channel: Channel) => Promise<void> {
  return async (channel) => {
    channel.send(OFFER);
    channel.send({ type: 'listeners', listeners: [{ ...RECORD, ...record }], descriptors: 1 }, [descriptor]);
    await channel.receive(5_000);
  };
}

async function connectedTo(listener: Descriptor): Promise<Descriptor> {
  const socket = connect(listener.inspect().port, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  closing.push({ close: () => socket.destroy() });
  const { fd } = (socket as Socket & { _handle: { fd: number } })._handle;
  const borrowed = binding().adopt(fd);
  const own = borrowed.duplicate();
  borrowed.release();
  return closed(own);
}

describe('a new process takes nothing for a listener that is none', requirement('addon', 'proc'), () => {
  const listenTcp = (): Descriptor =>
    closed(binding().listenTcp('127.0.0.1', 0, { backlog: 1, ipv6Only: false }));

  test.each<[string, () => Descriptor | Promise<Descriptor>]>([
    ['a regular file', () => binding().adopt(openSync(generations.optionsPath, 'r'))],
    ['a pipe', () => closed(binding().pipe()[0])],
    ['a connected TCP socket', async () => connectedTo(listenTcp())],
    [
      'a TCP socket that no longer listens',
      () => {
        const listener = listenTcp();
        listener.shutdown();
        return listener;
      },
    ],
    ['one end of a socket pair', () => closed(binding().socketPair('stream')[0])],
    [
      'a UNIX listener where TCP was asked for',
      () => {
        const path = `${generations.directory}/other`;
        return closed(binding().listenUnix(path, { type: 'stream', backlog: 1, mode: 0o600 }));
      },
    ],
    [
      'a listener for packets',
      () => {
        const path = `${generations.directory}/other`;
        return closed(binding().listenUnix(path, { type: 'seqpacket', backlog: 1, mode: 0o600 }));
      },
    ],
  ])('%s', async (_name, make) => {
    const code = await takeOverFrom(async (channel) => offering(await make())(channel));
    expect(code).toBe('UNINTERRUPTIBLE_HANDOVER_PROTOCOL');
  });

  test('a datagram socket', async (context) => {
    const { createSocket } = await import('node:dgram');
    const socket = createSocket('udp4');
    closing.push(socket);
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const fd = (socket as { _handle?: { fd: number } })._handle?.fd;
    if (fd === undefined) return context.skip('this Node does not tell the descriptor of a datagram socket');
    const borrowed = binding().adopt(fd);
    const descriptor = closed(borrowed.duplicate());
    borrowed.release();
    expect(await takeOverFrom(offering(descriptor))).toBe('UNINTERRUPTIBLE_HANDOVER_PROTOCOL');
  });
});

describe('a new process leaves a predecessor that breaks the rules', requirement('addon', 'proc'), () => {
  const listener = (): Descriptor =>
    closed(binding().listenTcp('127.0.0.1', 0, { backlog: 1, ipv6Only: false }));
  const saying =
    (...messages: Message[]) =>
    async (channel: Channel): Promise<void> => {
      for (const message of messages) channel.send(message);
      await channel.receive(5_000);
    };

  test.each<[string, string, (channel: Channel) => Promise<void>]>([
    ['an answer that is no offer', 'HANDOVER_PROTOCOL', saying({ type: 'yours' })],
    ['no listeners after the offer', 'HANDOVER_PROTOCOL', saying(OFFER, { type: 'yours' })],
    [
      'fewer descriptors than listeners',
      'HANDOVER_PROTOCOL',
      async (channel) => {
        channel.send({ ...OFFER, listeners: 2 });
        channel.send({ type: 'listeners', listeners: [RECORD, RECORD], descriptors: 1 }, [listener()]);
        await channel.receive(5_000);
      },
    ],
    [
      'no listener at all in a packet of them',
      'HANDOVER_PROTOCOL',
      async (channel) => {
        channel.send(OFFER);
        for (;;) {
          channel.send({ type: 'listeners', listeners: [], descriptors: 0 });
          await channel.receive(5_000);
        }
      },
    ],
    [
      'more listeners than it offered',
      'HANDOVER_PROTOCOL',
      async (channel) => {
        channel.send(OFFER);
        const listeners = [RECORD, { ...RECORD, index: 1 }];
        channel.send({ type: 'listeners', listeners, descriptors: 2 }, [listener(), listener()]);
        await channel.receive(5_000);
      },
    ],
    ['a refusal', 'HANDOVER_REFUSED', saying({ type: 'refused', reason: 'forbidden', message: 'no' })],
  ])('%s', async (_name, code, behave) => {
    expect(await takeOverFrom(behave)).toBe(`UNINTERRUPTIBLE_${code}`);
  });
});
