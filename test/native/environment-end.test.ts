import { describe, expect, test } from 'vitest';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';
import { Child, closeAfterEach, LONG_TEST_MILLISECONDS, nativeBinding, own, Peer } from './support.js';

expectNoDescriptorLeak();
closeAfterEach();

describe('process.exit', { ...requirement('addon', 'proc'), timeout: LONG_TEST_MILLISECONDS }, () => {
  test.each([
    'while packets come and go',
    'in the callback of a control socket',
    'with workers that use control sockets',
    'right after close',
  ])('%s ends the process with its code', async (situation) => {
    const child = Child.fixture('process-exit', [situation]);
    expect(await child.exit()).toEqual({ code: 7, signal: null });
    expect(await child.stderr()).toBe('');
  });

  test('ends the connection for the peer', async () => {
    const [ours, theirs] = nativeBinding().socketPair('seqpacket');
    own(theirs);
    const peer = new Peer(ours);
    const child = Child.fixture('leave', [], ['ignore', 'pipe', 'pipe', theirs.fd]);
    theirs.close();
    await peer.event(true, false);
    expect(peer.packet().text).toBe('leaving');
    await peer.event(true, false);
    expect(peer.socket.receive(16)).toEqual({ kind: 'end' });
    expect(await child.exit()).toEqual({ code: 0, signal: null });
  });
});

describe('worker threads', { ...requirement('addon', 'proc'), timeout: LONG_TEST_MILLISECONDS }, () => {
  test('terminated under traffic close all they held, and nothing crashes', async () => {
    const child = Child.fixture('terminated-workers', ['40']);
    expect(await child.result()).toEqual({ terminated: 40, leaked: [] });
    expect(await child.stderr()).toBe('');
  });

  test('that end by themselves close all they held', async () => {
    const child = Child.fixture('ending-workers', ['8']);
    expect(await child.result()).toEqual({ codes: Array(8).fill(0), leaked: [] });
  });
});
