import { describe, expect, test } from 'vitest';
import { OfferingPeer } from '../../src/handover/offering-peer.js';
import type { Ownership } from '../../src/handover/ownership.js';
import { Inheritance } from '../../src/listeners/listener-set.js';
import { closeAfterEach, inTime } from '../native/support.js';
import { pair, pipes } from '../support/channels.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { MESSAGES, RECORD } from '../support/messages.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();
closeAfterEach();

describe('a new process whose time is over', requirement('addon', 'proc'), () => {
  test('takes no more listeners, also where one waits to be taken', async () => {
    const [ours, owner] = pair();
    const peer = new OfferingPeer(ours, { ...MESSAGES.offer, listeners: 2 }, undefined);
    owner.send({ type: 'listeners', listeners: [RECORD], descriptors: 1 }, pipes(1));
    const { signal } = new AbortController();
    const inheritance = new Inheritance();
    await expect(peer.receiveListeners(inheritance, performance.now() - 1, signal)).rejects.toThrow(
      'Of the 2 listeners that the owner offered 2 did not come in time.',
    );
    expect(inheritance.records).toEqual([]);
    peer.fail({ code: 'FAILED', message: 'too late' });
  });
});

describe('a new process that cannot ask for byte 0', requirement('addon', 'proc'), () => {
  test('keeps nothing of what came with `yours`', async () => {
    const [ours, owner] = pair();
    const [real] = pipes(1);
    const peer = new OfferingPeer(ours, MESSAGES.offer, real);
    peer.watch(() => undefined);
    owner.send({ type: 'yours' }, pipes(1));
    const noLock = new Error('ENOLCK');
    const ownership = {
      tryOwner: () => {
        throw noLock;
      },
    } as unknown as Ownership;
    const { signal } = new AbortController();
    const verdict = peer.awaitOwnership(MESSAGES.ready, ownership, signal);
    await expect(inTime(verdict, 'a verdict')).rejects.toBe(noLock);
    peer.fail({ code: 'FAILED', message: 'no lock' });
  });
});
