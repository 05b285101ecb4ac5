/** The mode of a program: several servers whose listeners change hands in one exchange, signals, and the end of the process. */
import { callSite } from './call-site.js';
import { UninterruptibleError, wrongState } from './errors.js';
import {
  isUnnotifiableService,
  takeInherited,
  takePassedDescriptors,
  takeSupervisor,
} from './process/environment.js';
import { endProcess, surviveClosedOutput } from './process/exit.js';
import { installSignals } from './process/signals.js';
import type { Server } from './server.js';
import { member } from './service/member.js';
import { Service } from './service/service.js';

/** The hand-over belongs to the process, so there is one. */
let running: Service | undefined;

/**
 * Runs one or several servers as this process: binds or takes over, handles signals, writes the pid file. Resolves when
 * this process is the owner and all of them serve; ends the process when they have stopped, with 0, or with 1 after a
 * second TERM or INT.
 *
 * @throws ConfigurationError with every problem, or UninterruptibleError when this process cannot serve.
 */
export async function run(...servers: readonly Server[]): Promise<void> {
  refuseWrongPlace(servers);
  const supervisor = takeSupervisor();
  const service = new Service(
    servers.map((server) => server[member]),
    {
      mode: 'run',
      caller: callSite(),
      inherited: takeInherited(),
      passed: takePassedDescriptors(),
      supervisor,
    },
  );
  service.configure();
  running = service;
  surviveClosedOutput();
  const { restartSignal } = service.configuration;
  installSignals(
    {
      restart: () => orderRestart(service),
      stop: (signal, again) => orderStop(service, signal, again),
      hangUp: () => hangUp(service),
    },
    restartSignal,
    service.binding,
  );
  try {
    await service.start();
  } catch (error) {
    // Told to stop before it served: that order was carried out.
    if (service.stopping.signal.aborted) await endProcess(0, service.flushLog);
    await service.flushLog();
    running = undefined;
    throw error;
  }
  if (service.generation === 1 && isUnnotifiableService(supervisor)) {
    service.log.warn(
      'started by systemd without NOTIFY_SOCKET: when this process leaves after a restart, systemd takes the service for ' +
        'ended and stops the new process too',
    );
  }
  void service.stopped
    .then(() => service.notifier.successorTold())
    .then(() => endProcess(0, service.flushLog));
}

function refuseWrongPlace(servers: readonly Server[]): void {
  if (servers.length === 0) throw new TypeError('run() takes at least one server.');
  if (new Set(servers).size < servers.length) throw new TypeError('run() takes each server once.');
  if (running !== undefined) {
    throw new UninterruptibleError(
      'UNINTERRUPTIBLE_RUN_REPEATED',
      'run() was called twice in this process. Listeners change hands together: call run(a, b) once, with all servers.',
    );
  }
  // Loaded here and not above: node:cluster brings node:child_process along, and who only imports us needs neither.
  if (!process.getBuiltinModule('node:worker_threads').isMainThread) {
    throw new UninterruptibleError(
      'UNINTERRUPTIBLE_RUN_IN_WORKER',
      'run() was called in a worker thread. Signals belong to the main thread: call run() there, and use start() here.',
    );
  }
  const started = servers.find(({ state }) => state !== 'idle');
  if (started !== undefined) throw wrongState('run', started.state);
}

function orderRestart(service: Service): void {
  if (!service.configured) return;
  service.log.info('restart ordered', { by: service.configuration.restartSignal });
  void service.restart();
}

/** The signal of log rotation. Whoever takes it for that of a restart, as with other daemons, is told what is. */
function hangUp(service: Service): void {
  if (!service.configured) return;
  const { logPath, restartSignal } = service.configuration;
  // Whoever rotates knows this process only.
  for (const peer of service.draining) peer.reopenLog();
  if (logPath !== null) {
    service.log.reopen();
    return;
  }
  // The program has a handler of its own.
  if (process.listenerCount('SIGHUP') > 1) return;
  const restart = restartSignal === null ? '' : `${restartSignal} restarts, `;
  service.log.info(`SIGHUP ignored: no logPath to reopen; ${restart}SIGTERM stops`);
}

function orderStop(service: Service, signal: NodeJS.Signals, again: boolean): void {
  const log = service.configured ? service.log : undefined;
  if (again) {
    log?.warn(`second ${signal}: leaving at once`, { connections: service.active });
    service.restarts.killChild();
    // Nobody would be left whom an operator could find, to tell them so later.
    if (service.lifecycle.is('stopping')) service.hurryEarlier();
    void endProcess(1, service.flushLog);
    return;
  }
  log?.info('stop ordered', { by: signal });
  // The program went on after a start that failed: nothing is left to stop but the process.
  if (service.lifecycle.is('stopped')) void endProcess(0, service.flushLog);
  else service.orderStop();
}
