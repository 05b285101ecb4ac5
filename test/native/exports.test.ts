/** What the addon is made of: names and classes. */
import { expect, test } from 'vitest';
import type { Binding, ControlSocket } from '../../src/binding.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';
import { closeAfterEach, nativeBinding, own, Peer } from './support.js';

expectNoDescriptorLeak();
closeAfterEach();

test('classes can be extended', requirement('addon', 'proc'), () => {
  const [end, other] = nativeBinding().socketPair('seqpacket');
  const peer = new Peer(other);
  class Extended extends nativeBinding().ControlSocket {
    hello(): boolean {
      return this.send(Buffer.from('hello'), []);
    }
  }
  expect(own(new Extended(end, () => {})).hello()).toBe(true);
  expect(peer.packet().text).toBe('hello');
});

test('the exports are those of the interface', requirement('addon', 'proc'), () => {
  const names: Record<keyof Binding, string> = {
    sourceDigest: 'string',
    listenTcp: 'function',
    listenUnix: 'function',
    connectUnix: 'function',
    socketPair: 'function',
    pipe: 'function',
    openLockFile: 'function',
    anonymousFile: 'function',
    adopt: 'function',
    ControlSocket: 'function',
    unblockSignal: 'function',
    bindDatagram: 'function',
    sendDatagram: 'function',
    becomeSubreaper: 'function',
    reapChild: 'function',
    waitForChild: 'function',
    openProcess: 'function',
    closeOnExecFrom: 'function',
    executeProgram: 'function',
    startProgram: 'function',
  };
  const addon = nativeBinding();
  expect(Object.fromEntries(Object.entries(addon).map(([name, value]) => [name, typeof value]))).toEqual(
    names,
  );
  const methods: Record<keyof ControlSocket, true> = {
    fd: true,
    watch: true,
    ref: true,
    unref: true,
    send: true,
    receive: true,
    accept: true,
    peerCredentials: true,
    close: true,
  };
  expect(Object.getOwnPropertyNames(addon.ControlSocket.prototype).sort()).toEqual(
    [...Object.keys(methods), 'constructor'].sort(),
  );
});
