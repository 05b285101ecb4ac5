import { describe, expect, test } from 'vitest';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';
import { Child, closeAfterEach, nativeBinding } from './support.js';

expectNoDescriptorLeak();
closeAfterEach();

describe('reapChild', requirement('addon', 'proc'), () => {
  test('waits for orphans, tells how they ended, and leaves the child of libuv to libuv', async () => {
    expect(await Child.fixture('reap').result()).toEqual({
      before: 'no-child',
      running: 'none',
      orphans: [
        { exitCode: 0, signal: 9 },
        { exitCode: 7, signal: 0 },
      ],
      // Node's own child: seen and left, so that its exit event tells the truth.
      owned: 'owned',
      exit: { code: 5, signal: null },
      after: 'no-child',
      zombies: 0,
    });
  });

  test('takes a pid that is nobody’s', () => {
    expect(nativeBinding().reapChild(2 ** 31 - 1).kind).not.toBe('owned');
  });
});
