import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { Descriptor } from '../../src/binding.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';
import { closeAfterEach, errorOf, nativeBinding, own } from './support.js';

expectNoDescriptorLeak();
closeAfterEach();

describe('a process', requirement('addon', 'proc'), () => {
  test('can be watched: it is readable when it has ended, and not before', async () => {
    const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
    await once(child, 'spawn');
    let ended = 0;
    await new Promise<void>((resolve) => {
      const watcher = own(
        new (nativeBinding().ControlSocket)(nativeBinding().openProcess(child.pid ?? 0), () => {
          ended += 1;
          watcher.close();
          resolve();
        }),
      );
      watcher.watch(true, false);
      watcher.ref();
      expect(ended).toBe(0);
      child.stdin.end();
    });
    expect(ended).toBe(1);
    await once(child, 'close');
  });

  test('that is not there has no descriptor', () => {
    expect(errorOf(() => nativeBinding().openProcess(2 ** 22 + 1)).code).toMatch(/ESRCH|EINVAL/);
  });
});

describe('executeProgram', requirement('addon', 'proc'), () => {
  const words = Buffer.from('true\0');

  test('takes words that end with a NUL, and descriptors', () => {
    const { executeProgram } = nativeBinding();
    for (const wrong of ['', 'true']) {
      expect(() => executeProgram('/bin/true', Buffer.from(wrong), [])).toThrow(/end with a NUL/);
    }
    expect(() => executeProgram('/bin/true', words, [1 as never])).toThrow(/only Descriptors/);
    expect(() => executeProgram('/bin/true', words, 1 as never)).toThrow(/must be an array/);
  });

  test('has read its words when a getter takes them away', () => {
    const closed = nativeBinding().anonymousFile('file');
    closed.close();
    const { buffer } = new Uint8Array(64);
    const list: Descriptor[] = [];
    Object.defineProperty(list, 0, {
      get: () => {
        structuredClone(buffer, { transfer: [buffer] });
        return closed;
      },
    });
    const taken = new Uint8Array(buffer);
    expect(errorOf(() => nativeBinding().executeProgram('/bin/true', taken, list)).code).toBe('EBADF');
    expect(taken.length).toBe(0);
  });

  test('that cannot begin changes nothing', () => {
    const closed = nativeBinding().anonymousFile('file');
    closed.close();
    expect(errorOf(() => nativeBinding().executeProgram('/bin/true', words, [closed])).code).toBe('EBADF');
  });
});
