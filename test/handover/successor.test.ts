import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Channel } from '../../src/handover/channel.js';
import { ControlListener } from '../../src/handover/control-listener.js';
import type { Greeter } from '../../src/handover/greeter.js';
import type { OfferingPeer } from '../../src/handover/offering-peer.js';
import { Ownership } from '../../src/handover/ownership.js';
import { findPredecessor } from '../../src/handover/successor.js';
import { closeAfterEach, inTime, nativeBinding, own, ownAll, temporaryDirectory } from '../native/support.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();
closeAfterEach();

/** Answers every take-over with an offer of nothing. */
const owns: Greeter = {
  firstPacket: (channel) => {
    const { pid } = process;
    own(channel).send({ type: 'offer', version: 1, features: [], pid, generation: 7, listeners: 0 });
  },
  exhausted: (error) => {
    throw error;
  },
  turnedAway: (_peer, reason) => {
    throw new Error(reason);
  },
};

/** What a new process finds at the path. */
async function found(path: string, ownership: Ownership): Promise<OfferingPeer | null> {
  const predecessor = await findPredecessor({
    connect: () => Channel.connect(nativeBinding(), path),
    place: path,
    ownership,
    token: undefined,
    isChild: false,
    program: undefined,
    timeout: 8_000,
    signal: new AbortController().signal,
  });
  if (predecessor !== null) own(predecessor.channel);
  return predecessor;
}

describe('a new process that finds nobody at the path', requirement('addon', 'proc'), () => {
  test('and gets both bytes starts cold', async () => {
    const path = join(temporaryDirectory(), 'control');
    const ownership = own(Ownership.of(nativeBinding(), path));
    await expect(inTime(found(path, ownership), 'nobody')).resolves.toBeNull();
    expect([ownership.isOwner, ownership.isNext]).toEqual([true, true]);
  });

  test.each<[string, (owner: Ownership) => void]>([
    ['gave byte 0 away', (owner) => owner.releaseOwner()],
    [
      'made the lock file again that a cleaner had removed',
      (owner) => {
        unlinkSync(owner.lockPath);
        // Whoever waits has opened the file before, and gets the byte 0 of that one now.
        owner.restore();
      },
    ],
  ])('looks again when it has byte 0: an owner may have come and %s', async (_name, act) => {
    const path = join(temporaryDirectory(), 'control');
    const [owner, ownership] = ownAll([
      Ownership.of(nativeBinding(), path),
      Ownership.of(nativeBinding(), path),
    ]);
    owner.tryOwner();
    const finding = found(path, ownership);
    // A turn later it has connected to nobody, and asks for byte 0.
    await new Promise((resolve) => setImmediate(resolve));
    own(ControlListener.bind(nativeBinding(), path, 'owner', owns)).publish();
    act(owner);
    expect((await inTime(finding, 'an offer'))?.offer).toMatchObject({ generation: 7 });
    expect([ownership.isOwner, ownership.isNext]).toEqual([false, true]);
  });
});
