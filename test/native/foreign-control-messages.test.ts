/** Control messages that this library never sends: what they bring does not stay. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { expectNoDescriptorLeak, openDescriptors } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';
import { closeAfterEach, nativeBinding, ownAll, Peer } from './support.js';

expectNoDescriptorLeak();
closeAfterEach();

const PROGRAM = fileURLToPath(new URL('../fixtures/foreign_control_messages.py', import.meta.url));

/** A program sends ten packets of this kind. Returns what came with the first, and how many descriptors stay when all are closed. */
function received(kind: string): { said: string; packets: number; descriptors: number; truncated: boolean } {
  const [theirs, ours] = ownAll(nativeBinding().socketPair('seqpacket'));
  const again = ownAll([ours.duplicate()])[0];
  const { socket } = new Peer(ours);
  const { stdout, stderr } = spawnSync('python3', ['-B', PROGRAM, kind], {
    stdio: ['ignore', 'pipe', 'pipe', theirs.fd, again?.fd],
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  const before = openDescriptors().length;
  let [packets, descriptors, truncated] = [0, 0, false];
  for (;;) {
    const packet = socket.receive(16);
    if (packet?.kind !== 'packet') break;
    packets += 1;
    descriptors = packet.descriptors.length;
    truncated ||= packet.descriptorsTruncated;
    expect(Buffer.from(packet.data).toString()).toBe('hello');
    for (const descriptor of packet.descriptors) descriptor.close();
  }
  expect(openDescriptors()).toHaveLength(before);
  return { said: stdout.trim(), packets, descriptors, truncated };
}

describe('a packet with', requirement('addon', 'proc', 'python3'), () => {
  test.each([
    ['credentials', 0],
    ['credentials that are asked for', 0],
    ['credentials and descriptors', 253],
    ['descriptors twice', 5],
    ['no descriptor', 0],
    ['an unknown level', 1],
    ['a label', 1],
  ])('%s is received, with %i descriptors', (kind, descriptors) => {
    expect(received(kind)).toEqual({ said: '', packets: 10, descriptors, truncated: false });
  });

  test('an unknown type is not even sent', () => {
    expect(received('an unknown type')).toEqual({
      said: 'EINVAL',
      packets: 0,
      descriptors: 0,
      truncated: false,
    });
  });

  test.each([
    ['a process', 0],
    ['a process and descriptors', 200],
  ])('%s, which the kernel adds, does not keep that open', (kind, descriptors) => {
    const { said, ...rest } = received(kind);
    // Before Linux 6.5 there is no such thing.
    if (said !== 'ENOPROTOOPT') expect(rest).toEqual({ packets: 10, descriptors, truncated: false });
  });

  test('everything at once is cut, says so, and leaves nothing open', () => {
    const { said, packets, descriptors } = received('everything');
    if (said === 'ENOPROTOOPT') return;
    expect(packets).toBe(10);
    expect(descriptors).toBe(253);
  });
});
