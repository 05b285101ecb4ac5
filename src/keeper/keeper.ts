/**
 * A generation whose server is another program: this process holds the owner lock, the control socket and duplicates of the
 * listening sockets, and ends when the program does. How the program is told to end, and when it is the owner, is decided as
 * for any other server, in `service/`.
 */
import type { Binding } from '../binding.js';
import { callSite } from '../call-site.js';
import { ConfigurationError, UninterruptibleError } from '../errors.js';
import type { Assignment, Link, LinkMessage } from '../exec/link.js';
import { currentEnvironment, takeInherited, takeSupervisor } from '../process/environment.js';
import { endProcess, surviveClosedOutput } from '../process/exit.js';
import { installSignals } from '../process/signals.js';
import { WatchedProcess } from '../process/watched-process.js';
import { Service } from '../service/service.js';
import { KeptMember, NobodyThere } from './member.js';
import { stderrLog } from './stderr-log.js';

/** What is late has a reason of its own, and a moment to say it. */
const MARGIN_MILLISECONDS = 2_000;

/** Runs until the end of the process. */
export async function keep(binding: Binding, link: Link, assignment: Assignment): Promise<void> {
  surviveClosedOutput();
  const program = new WatchedProcess(binding, assignment.pid);
  const supervisor = takeSupervisor();
  const member: KeptMember = new KeptMember(assignment, program, link, {
    controlPath: assignment.controlPath,
    pidfilePath: assignment.pidfilePath,
    startCommand: assignment.startCommand,
    readyTimeout: assignment.timeout + MARGIN_MILLISECONDS,
    drainTimeout: assignment.drainTimeout,
    logger: stderrLog({ verbose: assignment.verbose, isToldElsewhere: () => member.progress === 'before' }),
  });
  const service = new Service([member], {
    mode: 'run',
    caller: callSite(),
    inherited: takeInherited(),
    // Whether the program hangs only the program knows: its watchdog is not fed for it.
    supervisor: supervisor && { ...supervisor, watchdog: undefined },
    serving: { pid: assignment.pid, program: assignment.program },
    // The other variables are the program's own.
    environment: { PWD: currentEnvironment()['PWD'] },
  });
  const leave = (exitCode: number): Promise<never> => endProcess(exitCode, service.flushLog);
  // Until it is the program it holds its end: while that is open, the pid is its, and the watch is on no other.
  if (link.over) await leave(1);
  try {
    service.configure();
    installSignals(
      {
        restart: () => void service.restart(),
        stop: (signal, again) => {
          if (again) {
            program.signal('SIGKILL');
            void leave(1);
            return;
          }
          if (service.configured) service.log.info('stop ordered', { by: signal });
          service.orderStop();
        },
        hangUp: () => undefined,
      },
      service.configuration.restartSignal,
      binding,
    );
    void program.gone.then(() => afterProgram(service, member, leave));
    await service.start();
  } catch (error) {
    if (member.progress === 'before' && !link.over) link.send(failureOf(error));
    // It may have accepted connections by now, and finishes them.
    else await program.end(assignment.drainTimeout);
    await leave(1);
  }
  void service.stopped.then(() => service.notifier.successorTold()).then(() => leave(0));
}

/** It ended by itself, or was killed by somebody else. */
async function afterProgram(
  service: Service,
  { progress }: KeptMember,
  leave: (exitCode: number) => Promise<never>,
): Promise<void> {
  // Whoever takes over meanwhile has the sockets, and is better than going back.
  await service.exchange;
  // Told to end; or it is waited for, and the start fails.
  if (progress === 'getting-ready' || service.lifecycle.is('draining', 'stopping', 'stopped')) return;
  if (progress === 'before') {
    service.orderStop();
    return;
  }
  service.log.error('the program has ended', { program: service.pid });
  // Without a word: the version before serves again, and puts everything in place.
  if (service.draining.size > 0 || !service.lifecycle.is('serving')) await leave(1);
  service.orderStop();
}

/** With the exit codes of the command: docs/cli.md. */
function failureOf(error: unknown): LinkMessage {
  const { message } = error as Error;
  const failed = (exitCode: number, code: string): LinkMessage => ({
    type: 'failed',
    exitCode,
    code,
    message,
  });
  if (error instanceof NobodyThere) return failed(3, 'nobody');
  if (error instanceof ConfigurationError) return failed(2, 'usage');
  return error instanceof UninterruptibleError ? failed(6, error.code) : failed(1, 'unknown');
}
