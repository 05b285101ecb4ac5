import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Descriptor } from '../../src/binding.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';
import { Child, closeAfterEach, nativeBinding, own, ownAll, Peer, temporaryDirectory } from './support.js';

expectNoDescriptorLeak();
closeAfterEach();

/** Each way to get descriptors. */
const sources: Record<string, () => Descriptor[]> = {
  listenTcp: () => [nativeBinding().listenTcp('127.0.0.1', 0, { backlog: 1, ipv6Only: false })],
  listenUnix: () => [listen(join(temporaryDirectory(), 'socket'))],
  'listenUnix on a long path': () => [listen(join(temporaryDirectory(), '/'.repeat(120), 'socket'))],
  'connectUnix and accept': () => {
    const name = `@${randomUUID()}`;
    const listener = own(listen(name));
    const client = nativeBinding().connectUnix(name, 'seqpacket');
    return [client, listener.accept()!];
  },
  'accept of a control socket': () => {
    const name = `@${randomUUID()}`;
    const listener = new Peer(listen(name));
    own(nativeBinding().connectUnix(name, 'seqpacket'));
    return [listener.socket.accept()!];
  },
  socketPair: () => nativeBinding().socketPair('stream'),
  pipe: () => nativeBinding().pipe(),
  openLockFile: () => [nativeBinding().openLockFile(join(temporaryDirectory(), 'lock'))],
  anonymousFile: () => [nativeBinding().anonymousFile('file')],
  duplicate: () => [own(nativeBinding().anonymousFile('file')).duplicate()],
  openProcess: () => [nativeBinding().openProcess(process.pid)],
  adopt: () => [nativeBinding().adopt(openSync('/dev/null', 'r'))],
  receive: () => {
    const [sender, receiver] = Peer.pair();
    sender.send('pipe', ownAll(nativeBinding().pipe()));
    return receiver.packet().descriptors;
  },
};

describe('a child process does not inherit what comes from', requirement('addon', 'proc'), () => {
  test.each(Object.entries(sources))('%s', (_, create) => {
    const before = inheritedByChild();
    const descriptors = ownAll(create());
    expect(descriptors.every(({ fd }) => fd >= 0)).toBe(true);
    expect(inheritedByChild()).toEqual(before);
  });

  test('adopt, even if it would have without', async () => {
    // Node makes what it inherits close-on-exec, up to the first gap after 15.
    const file = own(nativeBinding().anonymousFile('file'));
    const ignored = Array<'ignore'>(37).fill('ignore');
    const child = Child.fixture('adopt', ['40'], ['ignore', 'pipe', 'pipe', ...ignored, file.fd]);
    expect(await child.result()).toEqual({ before: true, after: false });
  });
});

function listen(path: string): Descriptor {
  return nativeBinding().listenUnix(path, { type: 'seqpacket', backlog: 1, mode: 0o600 });
}

/** The numbers open in a child, which lists them itself. */
function inheritedByChild(): string[] {
  return spawnSync('ls', ['/proc/self/fd'], { encoding: 'utf8' }).stdout.trim().split('\n');
}
