/** The first packet of whoever connects to the control path: a take-over, a draining process, or an operator's order. */
import { describeError, UninterruptibleError } from '../errors.js';
import { type Channel, closeAll, type Incoming } from '../handover/channel.js';
import type { OnFirstPacket } from '../handover/control-listener.js';
import { DrainingPeer } from '../handover/draining-peer.js';
import { encodePacket } from '../handover/packet.js';
import { type Failed, MAX_PACKET_BYTES, type StandBy } from '../handover/protocol.js';
import { giveTo } from './hand-over.js';
import type { Service } from './service.js';

export function onFirstPacket(service: Service): OnFirstPacket {
  return (channel, first) => {
    closeAll(first.descriptors);
    // The owner has changed: whoever came in through the old inode must connect again.
    if (service.lifecycle.is('draining', 'standing-by')) dismiss(channel, { type: 'moved' });
    else obey(service, channel, first);
  };
}

function obey(service: Service, channel: Channel, { message }: Incoming): void {
  switch (message.type) {
    case 'take-over':
      giveTo(service, channel, message);
      break;
    case 'stand-by':
      standBy(service, channel, message);
      break;
    case 'status':
      dismiss(channel, { type: 'status', status: { ...service.status() } });
      break;
    case 'restart':
      void restart(service, channel);
      break;
    case 'stop':
      service.log.info('stop ordered', { by: channel.peer.pid });
      dismiss(channel, { type: 'stopping' });
      service.orderStop();
      break;
    default:
      channel.close();
  }
}

function standBy(service: Service, channel: Channel, message: StandBy): void {
  // Who stops for good has said bye on another connection, and waits for the end of that one.
  if (service.lifecycle.is('stopping')) channel.close();
  else service.addDraining(new DrainingPeer(channel, { ...message, pid: channel.peer.pid || message.pid }));
}

async function restart(service: Service, channel: Channel): Promise<void> {
  service.log.info('restart ordered', { by: channel.peer.pid });
  try {
    const { pid, generation } = await service.restarts.request((step, child) => {
      channel.report({ type: 'progress', step, pid: child });
    });
    channel.send({ type: 'restarted', pid, generation });
  } catch (error) {
    channel.send(failure(error));
  }
  channel.close();
}

/** With the last words of the new process, as many as still fit into the packet. */
function failure(error: unknown): Failed {
  const failed: Failed = { type: 'failed', ...describeError(error) };
  const lastWords = error instanceof UninterruptibleError ? error.details?.['lastWords'] : undefined;
  if (typeof lastWords !== 'string' || lastWords === '') return failed;
  const room = MAX_PACKET_BYTES - encodePacket({ ...failed, lastWords: '' }).length;
  // JSON writes no character with more than six bytes; the end is what says why.
  return { ...failed, lastWords: lastWords.slice(-Math.floor(room / 6)) };
}

function dismiss(channel: Channel, message: Parameters<Channel['send']>[0]): void {
  channel.send(message);
  channel.close();
}
