/** What becomes of an order that a process cannot even begin to carry out. */
import { expect, test } from 'vitest';
import { Log } from '../../src/log/log.js';
import { greeterOf } from '../../src/service/orders.js';
import type { Service } from '../../src/service/service.js';
import { closeAfterEach, inTime } from '../native/support.js';
import { CLOSED, next, pair } from '../support/channels.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { KeptLog } from '../support/in-process.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();
closeAfterEach();

test('whoever gave it is told, the log too, and the process lives', requirement('addon'), async () => {
  const log = new KeptLog();
  const service = {
    lifecycle: { is: () => false },
    log: new Log(log, () => 1, { debugging: false }),
    status: () => {
      throw new Error('no descriptor is left');
    },
  } as unknown as Service;
  const [ours, theirs] = pair();
  greeterOf(service).firstPacket(ours, { message: { type: 'status' }, descriptors: [] });
  expect(await next(theirs)).toMatchObject({ type: 'failed', message: 'no descriptor is left' });
  await expect(inTime(theirs.receive(null), 'the end')).rejects.toMatchObject(CLOSED);
  expect(log.entries).toMatchObject([
    { level: 'error', message: 'an order could not be carried out', facts: { order: 'status' } },
  ]);
});
