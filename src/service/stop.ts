/** The final stop: whoever waits in a queue is served, nothing is left behind, and earlier generations go first. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Channel, closeAll } from '../handover/channel.js';
import type { DrainingPeer } from '../handover/draining-peer.js';
import { trusted } from '../handover/peer.js';
import { WAITS } from '../handover/protocol.js';
import { attempt } from './attempt.js';
import { drainMembers } from './drain-members.js';
import { runHooks } from './hooks.js';
import type { Service } from './service.js';

export async function stop(service: Service): Promise<void> {
  const { lifecycle, stopping } = service;
  if (lifecycle.is('idle')) {
    service.finish(0);
    return;
  }
  const exchanging = lifecycle.is('handing-over');
  stopping.abort(service.stoppedError());
  // Too late to be cancelled it has become the owner, and stops as one.
  await service.startup;
  // Before `yours` the exchange is cancelled and we serve; after it the successor is the owner, and must stop too.
  await service.exchange;
  await service.restarts.stop();
  if (lifecycle.is('serving')) await stopServing(service);
  else if (exchanging) await passOn(service);
  service.reserve?.release('stopping');
  await service.stopped;
}

async function stopServing(service: Service): Promise<void> {
  const { members, configuration, log, seat } = service;
  service.lifecycle.to('stopping');
  service.timeline.begin('stop');
  service.step('stopping', { connections: service.active });
  if (configuration.shutdownDelay > 0) {
    log.info('accepting on, until load balancers have noticed', {
      milliseconds: configuration.shutdownDelay,
    });
    await delay(configuration.shutdownDelay);
  }
  const predecessors = [...service.draining];
  // Still accepting: only when nobody else can resume may the queues be ended.
  await Promise.all(predecessors.map((peer) => peer.bye()));
  for (const member of members) member.acceptor.pause();
  for (const member of members) member.acceptor.end();
  attempt(service, 'the pid file could not be removed', () => service.pidFile?.unpublish());
  for (const left of [service.formerSeat, seat]) {
    attempt(service, 'the control path could not be removed', () => left?.unpublish());
    left?.remove();
  }

  const startedAt = performance.now();
  const cut = await drainMembers(service, new AbortController().signal);
  const left =
    configuration.drainTimeout === null ? null : configuration.drainTimeout - (performance.now() - startedAt);
  await predecessorsGone(
    service,
    predecessors.filter((peer) => answers(service, peer)).map(({ gone }) => gone),
    left,
  );
  await runHooks(service, 'onStop');
  log.info('stopped', { milliseconds: Math.round(performance.now() - startedAt) });
  service.trace('stopped', { cut: cut ?? 0 });
  service.finish(cut ?? 0);
}

/** Who has not answered `bye` is stopped, or no draining process at all: it may never leave. */
function answers({ log }: Service, { leftByItself, pid }: DrainingPeer): boolean {
  if (!leftByItself) log.warn('an earlier generation does not answer and is not waited for', { pid });
  return leftByItself;
}

/** A supervisor that watches this process must not believe the service gone while an earlier generation still answers. */
async function predecessorsGone(service: Service, gone: Promise<void>[], left: number | null): Promise<void> {
  if (gone.length === 0) return;
  service.log.info('waiting for earlier generations', { count: gone.length });
  // Their channels do not keep the loop alive; this does.
  const keepAlive = setInterval(() => undefined, 60_000);
  const all = Promise.all(gone);
  await (left === null ? all : Promise.race([all, delay(Math.max(0, left), undefined, { ref: false })]));
  clearInterval(keepAlive);
}

/** A stop that came between `yours` and `owner` is meant for the service, which is the successor's by now. */
async function passOn(service: Service): Promise<void> {
  const { seat, log } = service;
  if (seat === undefined) return;
  let channel: Channel | undefined;
  try {
    channel = trusted(seat.connect());
    channel.send({ type: 'stop', ...(service.hurried.aborted ? { now: true } : {}) });
    closeAll((await channel.receive(WAITS.firstPacket)).descriptors);
    log.info('stop passed on to the new owner', { owner: service.owner?.pid });
  } catch (error) {
    log.error('the stop could not be passed on to the new owner', { err: error, owner: service.owner?.pid });
  } finally {
    channel?.close();
  }
}
