/** What an owner can do to a process that drains for it. */
import { describe, expect, test } from 'vitest';
import { OwnerPeer } from '../../src/handover/owner-peer.js';
import { closeAfterEach } from '../native/support.js';
import { next, pair, turns } from '../support/channels.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { MESSAGES, TYPES } from '../support/messages.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();
closeAfterEach();

describe('an owner that a process drains for', requirement('addon', 'proc'), () => {
  /** What happened, in order. */
  function followed(): { happened: string[]; theirs: ReturnType<typeof pair>[1] } {
    const [ours, theirs] = pair();
    const happened: string[] = [];
    new OwnerPeer(ours, 1, {
      rollbackOrdered: (token) => happened.push(`take-back ${token}`),
      hurry: () => happened.push('hurry'),
      reopenLog: () => happened.push('reopen-log'),
      bye: () => {
        happened.push('bye');
        return { requests: 1 };
      },
      counted: () => happened.push('counted'),
      vanished: () => happened.push('vanished'),
    });
    return { happened, theirs };
  }

  test('says bye once, however often', async () => {
    const { happened, theirs } = followed();
    for (let times = 0; times < 50; times += 1) theirs.send(MESSAGES.bye);
    expect(await next(theirs)).toEqual({ type: 'received', counters: { requests: 1 } });
    await turns();
    expect(happened).toEqual(['bye']);
    theirs.close();
    await turns();
    expect(happened).toEqual(['bye']);
  });

  test('may say what means nothing here', async () => {
    const { happened, theirs } = followed();
    const known = ['take-back', 'hurry', 'reopen-log', 'bye', 'counted'];
    for (const type of TYPES) if (!known.includes(type)) theirs.send(MESSAGES[type]);
    await turns();
    expect(happened).toEqual([]);
    theirs.close();
    await turns();
    expect(happened).toEqual(['vanished']);
  });
});
