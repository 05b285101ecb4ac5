/** Peers of the same user that connect to the control path and then say nothing, or no more: they hold nobody up. */
import { afterEach, describe, expect, test } from 'vitest';
import { WAITS } from '../../src/handover/protocol.js';
import { binding, ControlPeer } from '../support/control-peer.js';
import { Generations } from '../support/generations.js';
import { requirement } from '../support/requirements.js';

let generations: Generations;
const peers: ControlPeer[] = [];
afterEach(async () => {
  for (const peer of peers.splice(0)) peer.close();
  await generations.end();
});

function connect(): ControlPeer {
  const peer = new ControlPeer(generations.controlPath);
  peers.push(peer);
  return peer;
}

describe('a silent peer', requirement('addon', 'proc'), () => {
  test('makes room for others: two hundred of them do not delay a restart', async () => {
    generations = await Generations.start();
    const first = generations.owner;
    while (peers.length < 200) {
      await generations.until(() => {
        try {
          connect();
          return true;
        } catch {
          return false;
        }
      }, 'room in the queue');
    }
    const startedAt = performance.now();
    const second = await generations.restart();
    expect(performance.now() - startedAt).toBeLessThan(WAITS.firstPacket);
    expect(await generations.request('hello')).toBe(`hello ${second}`);
    await generations.gone(first);
  });

  test('that registered as draining does not hold up the final stop', async () => {
    generations = await Generations.start();
    connect().send({ type: 'stand-by', pid: 1, generation: 1, connections: 3 });
    expect(await generations.order({ type: 'status' })).toMatchObject({
      status: { draining: [{ connections: 3 }] },
    });
    process.kill(generations.owner, 'SIGTERM');
    await generations.gone(generations.owner);
  });

  test('that took byte 0 and never says so does not hold up a stop', async () => {
    generations = await Generations.start();
    const first = generations.owner;
    const peer = connect();
    const lock = binding().openLockFile(`${generations.controlPath}.lock`);
    lock.tryLock(1);
    peer.send({ type: 'take-over', versions: [1], features: [], pid: process.pid });
    await generations.line('handing over');
    await generations.until(() => peer.messages.some(({ type }) => type === 'listeners'), 'the listeners');
    peer.send({ type: 'received' });
    peer.send({ type: 'ready', unclaimed: [], controlPath: generations.controlPath, pidfilePath: null });
    await generations.until(() => peer.messages.some(({ type }) => type === 'yours'), 'yours');
    expect(lock.tryLock(0)).toBe(true);
    process.kill(first, 'SIGTERM');
    await generations.gone(first);
    lock.close();
  });
});
