import { describe, expect, test } from 'vitest';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';
import { Child, closeAfterEach, errorOf, fixturePath, nativeBinding } from './support.js';

expectNoDescriptorLeak();
closeAfterEach();

describe('unblockSignal', requirement('addon', 'proc'), () => {
  test('lets a signal through that Node was told to ignore, and one that came before', async (context) => {
    const flag = '--disable-sigusr1';
    if (!process.allowedNodeEnvironmentFlags.has(flag)) {
      return context.skip(`Node ${process.versions.node} has no ${flag}`);
    }
    const child = new Child(process.execPath, [flag, fixturePath('unblock-signal')]);
    expect(await child.result()).toEqual({ blocked: 0, unblocked: 1 });
  });

  test('takes a signal that is not blocked', () => {
    expect(() => nativeBinding().unblockSignal(12)).not.toThrow();
  });

  test('refuses what is no signal: EINVAL', () => {
    expect(errorOf(() => nativeBinding().unblockSignal(12_345)).code).toBe('EINVAL');
  });
});
