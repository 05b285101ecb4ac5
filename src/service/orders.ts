/** The first packet of whoever connects to the control path: a take-over, a draining process, or an operator's order. */

import { describeError, UninterruptibleError } from '../errors.js';
import type { RestartResult, Status } from '../events.js';
import { type Channel, closeAll, type Incoming } from '../handover/channel.js';
import { chunks } from '../handover/chunks.js';
import { DrainingPeer } from '../handover/draining-peer.js';
import type { Greeter } from '../handover/greeter.js';
import { encodePacket } from '../handover/packet.js';
import { type Failed, MAX_PACKET_BYTES, type StandBy } from '../handover/protocol.js';
import { Quota } from '../log/quota.js';
import { follow } from './follow.js';
import { giveTo } from './hand-over.js';
import type { OnStep } from './restart.js';
import type { Service } from './service.js';

/** Processes that may drain and tell us of it: their registration is for display. */
const MAX_DRAINING = 64;
/** Operators who wait for what comes of an order. */
const MAX_WAITING = 64;
/** What a packet has beside what is measured here, generously. */
const FRAME_BYTES = 256;
const HALF_A_PACKET = (MAX_PACKET_BYTES - FRAME_BYTES) / 2;

export function greeterOf(service: Service): Greeter {
  const exhaustions = new Quota((count) =>
    service.log.warn('whoever connected to the control path had to wait more often', { count }),
  );
  const refusals = new Quota((count) =>
    service.log.warn('whoever connected to the control path was turned away more often', { count }),
  );
  const waiting: Waiting = new Set();
  const turnedAway: Greeter['turnedAway'] = ({ pid, uid }, reason) => {
    if (!refusals.take()) return;
    service.log.warn('whoever connected to the control path was turned away', { by: pid, uid, reason });
  };
  return {
    turnedAway,
    firstPacket: (channel, first) => {
      closeAll(first.descriptors);
      try {
        // The owner has changed: whoever came in through the old inode must connect again.
        if (service.lifecycle.is('draining', 'standing-by')) channel.finish({ type: 'moved' });
        else if (!obey(service, channel, first, waiting)) {
          channel.close();
          turnedAway(channel.peer, `A ${first.message.type} message is no order.`);
        }
      } catch (error) {
        service.log.error('an order could not be carried out', { order: first.message.type, err: error });
        channel.finish(failure(error));
      }
    },
    exhausted: (err) => {
      const level = exhaustions.take() ? 'error' : 'debug';
      service.log[level]('whoever connects to the control path has to wait', { err });
    },
  };
}

/** Who has ordered a change of owner and was not answered yet. */
type Waiting = Set<Channel>;

/** Returns whether it is an order at all. */
function obey(service: Service, channel: Channel, { message }: Incoming, waiting: Waiting): boolean {
  switch (message.type) {
    case 'take-over':
      giveTo(service, channel, message);
      break;
    case 'stand-by':
      standBy(service, channel, message);
      break;
    case 'status':
      if ('metrics' in message && message.metrics) answerMetrics(channel, service.metrics());
      else answerStatus(channel, statusToTell(service));
      break;
    case 'restart':
      if (!mayWait(channel, waiting)) break;
      service.log.info('restart ordered', { by: channel.peer.pid });
      void carryOut(channel, waiting, 'restarted', (onStep) => service.restarts.request(onStep));
      break;
    case 'rollback':
      if (!mayWait(channel, waiting)) break;
      service.log.info('rollback ordered', { by: channel.peer.pid });
      void carryOut(channel, waiting, 'rolled-back', (onStep) => service.rollbacks.request(onStep));
      break;
    case 'stop':
      service.log.info('stop ordered', { by: channel.peer.pid, ...(message.now ? { now: true } : {}) });
      channel.finish({ type: 'stopping' });
      if (message.now) {
        service.hurry();
        service.hurryEarlier();
      }
      service.orderStop();
      break;
    default:
      return false;
  }
  return true;
}

function standBy(service: Service, channel: Channel, message: StandBy): void {
  // Who stops for good has said bye on another connection, and waits for the end of that one.
  if (service.lifecycle.is('stopping') || service.draining.size >= MAX_DRAINING) {
    channel.close();
    return;
  }
  follow(service, new DrainingPeer(channel, { ...message, pid: channel.peer.pid || message.pid }));
  service.notifier.heardOfEarlier();
}

/** Tells each step of a change of owner, and what came of it. */
async function carryOut(
  channel: Channel,
  waiting: Waiting,
  done: 'restarted' | 'rolled-back',
  request: (onStep: OnStep) => Promise<RestartResult>,
): Promise<void> {
  waiting.add(channel);
  try {
    const { pid, generation } = await request((step, other) => {
      channel.report({ type: 'progress', step, ...(other === undefined ? {} : { pid: other }) });
    });
    channel.finish({ type: done, pid, generation });
  } catch (error) {
    channel.finish(failure(error));
  } finally {
    waiting.delete(channel);
  }
}

/** Refuses one more than may wait. Those that have left meanwhile make room. */
function mayWait(channel: Channel, waiting: Waiting): boolean {
  if (waiting.size >= MAX_WAITING) {
    for (const other of [...waiting].filter(({ over }) => over)) {
      other.close();
      waiting.delete(other);
    }
  }
  if (waiting.size < MAX_WAITING) return true;
  channel.finish({ type: 'refused', reason: 'busy', message: 'Too many wait for an answer already.' });
  return false;
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

/** In several packets where generations are many. */
function answerMetrics(channel: Channel, text: string): void {
  const lines = text.split(/(?<=\n)/);
  const parts = [...chunks(lines, (line) => line, { most: lines.length, bytes: HALF_A_PACKET })];
  const last = parts.pop() ?? [];
  for (const part of parts) channel.send({ type: 'status', text: part.join(''), more: true });
  channel.finish({ type: 'status', text: last.join('') });
}

/** One that cannot serve again has no option for how long it would stay to. */
function statusToTell(service: Service): Partial<Status> & Pick<Status, 'listeners'> {
  const { rollbackWindow, ...others } = service.status();
  return service.canServeAgain ? { ...others, rollbackWindow } : others;
}

/** In several packets where the listeners are many: the first has everything else. */
function answerStatus(channel: Channel, { listeners, ...others }: ReturnType<typeof statusToTell>): void {
  const rest = brief(others);
  const cut = [
    ...chunks(listeners, (listener) => listener, { most: listeners.length, bytes: HALF_A_PACKET }),
  ];
  // Beside them there is room for as much again.
  const first = lengthOf(rest) <= HALF_A_PACKET ? (cut.shift() ?? []) : [];
  const parts = [{ ...rest, listeners: first }, ...cut.map((further) => ({ listeners: further }))];
  const last = parts.pop() ?? {};
  for (const status of parts) channel.send({ type: 'status', status, more: true });
  channel.finish({ type: 'status', status: last });
}

type Told = Omit<ReturnType<typeof statusToTell>, 'listeners'>;

/** Without what is long and can be found elsewhere: a status that does not fit into one packet nobody would hear. */
function brief(status: Told): Told {
  const { lastHandover } = status;
  const fits = (told: Told): boolean => lengthOf(told) <= MAX_PACKET_BYTES - FRAME_BYTES;
  if (fits(status)) return status;
  const withoutWords = lastHandover
    ? { ...status, lastHandover: { ...lastHandover, lastWords: null } }
    : status;
  return fits(withoutWords) ? withoutWords : { ...withoutWords, startCommand: null };
}

function lengthOf(told: Told): number {
  return Buffer.byteLength(JSON.stringify(told));
}
