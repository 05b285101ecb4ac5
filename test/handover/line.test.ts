/** A line to a child, or to whatever the child has started: each connection over it is one of many. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { ControlSocket, Descriptor } from '../../src/binding.js';
import type { Channel } from '../../src/handover/channel.js';
import { MAX_SILENT } from '../../src/handover/greeter.js';
import { Line } from '../../src/handover/line.js';
import { closeAfterEach, nativeBinding, own, ownAll } from '../native/support.js';
import { packet, turns } from '../support/channels.js';
import { expectNoDescriptorLeak, openDescriptors } from '../support/descriptors.js';
import { MESSAGES } from '../support/messages.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();
closeAfterEach();

describe('a line', requirement('addon', 'proc'), () => {
  let line: Line;
  let other: ControlSocket;
  let asked: string[];
  let reasons: string[];
  beforeEach(() => {
    const [ours, theirs] = nativeBinding().socketPair('seqpacket');
    line = own(new Line(nativeBinding(), ours));
    other = own(new (nativeBinding().ControlSocket)(theirs, () => undefined));
    [asked, reasons] = [[], []];
    line.answer({
      firstPacket: (channel: Channel, { message }) => {
        asked.push(message.type);
        own(channel);
      },
      exhausted: () => undefined,
      turnedAway: (_peer, reason) => reasons.push(reason),
    });
  });

  function send(descriptor: Descriptor): void {
    other.send(packet({ type: 'connection', descriptors: 1 }), [descriptor]);
    descriptor.close();
  }

  /** Connects and asks. */
  async function connect(): Promise<void> {
    const [ours, theirs] = nativeBinding().socketPair('seqpacket');
    const peer = own(new (nativeBinding().ControlSocket)(ours, () => undefined));
    send(theirs);
    peer.send(packet(MESSAGES.status), []);
    await turns();
  }

  test('stays when what comes over it is no connection', async () => {
    send(own(nativeBinding().anonymousFile('memory')));
    send(ownAll(nativeBinding().pipe())[0]);
    send(ownAll(nativeBinding().socketPair('stream'))[0]);
    await turns();
    expect(reasons).toHaveLength(3);
    await connect();
    expect(asked).toEqual(['status']);
    expect(line.over).toBe(false);
  });

  test('keeps no more connections that say nothing than a control path', async () => {
    const before = openDescriptors().length;
    const most = 4 * MAX_SILENT;
    for (let sent = 0; sent < most; sent += 1) {
      const [, theirs] = ownAll(nativeBinding().socketPair('seqpacket'));
      send(theirs);
      await turns();
    }
    // All of one end, and few of the other.
    expect(openDescriptors().length).toBeLessThanOrEqual(before + most + MAX_SILENT);
    expect(line.over).toBe(false);
  });
});
