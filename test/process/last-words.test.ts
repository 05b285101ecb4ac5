import { expect, test, vi } from 'vitest';
import { takeStderrBack } from '../../src/process/last-words.js';
import { closeAfterEach, nativeBinding, ownAll } from '../native/support.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();
closeAfterEach();

test('a stderr that cannot be taken back is closed, and so is the pipe that nobody would read', {
  ...requirement('addon', 'proc'),
}, () => {
  const [pipe, writeEnd] = ownAll(nativeBinding().pipe());
  const real = writeEnd.duplicate();
  vi.spyOn(real, 'replace').mockImplementation(() => {
    throw new Error('EINTR');
  });
  expect(() => takeStderrBack(real, pipe)).toThrow('EINTR');
  expect([real.fd, pipe.fd]).toEqual([-1, -1]);
});
