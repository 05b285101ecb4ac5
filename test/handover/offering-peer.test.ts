import { describe, expect, test } from 'vitest';
import { OfferingPeer } from '../../src/handover/offering-peer.js';
import type { Ownership } from '../../src/handover/ownership.js';
import { closeAfterEach, inTime } from '../native/support.js';
import { pair, pipes } from '../support/channels.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();
closeAfterEach();

describe('a new process that cannot ask for byte 0', requirement('addon', 'proc'), () => {
  test('keeps nothing of what came with `yours`', async () => {
    const [ours, owner] = pair();
    const [real] = pipes(1);
    const peer = new OfferingPeer(
      ours,
      { type: 'offer', version: 1, features: [], pid: process.pid, generation: 1, listeners: 0 },
      real,
    );
    peer.watch(() => undefined);
    owner.send({ type: 'yours' }, pipes(1));
    const noLock = new Error('ENOLCK');
    const ownership = {
      tryOwner: () => {
        throw noLock;
      },
    } as unknown as Ownership;
    const ready = { type: 'ready', unclaimed: [], controlPath: null, pidfilePath: null } as const;
    const { signal } = new AbortController();
    await expect(
      inTime(peer.awaitOwnership({ ...ready, unclaimed: [] }, ownership, signal), 'a verdict'),
    ).rejects.toBe(noLock);
    peer.fail({ code: 'FAILED', message: 'no lock' });
  });
});
