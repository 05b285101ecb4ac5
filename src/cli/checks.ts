/** What can be wrong with a server and around it; each finding says what to do about it. */
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { statOf } from '../process/process-stat.js';
import { VERSION } from '../version.js';
import { addonCheck, addonOf } from './addon.js';
import { type Finding, fail, ok, warn } from './finding.js';
import type { Stated } from './operator.js';
import { descriptorsOf, environmentOf, read, statusLine } from './processes.js';
import type { Snapshot } from './snapshot.js';
import { count } from './text.js';

const OTHERS_MAY_WRITE = 0o022;
const STICKY = 0o1000;
const OTHERS = 0o077;
/** Two generations live at once, and each connection is one. */
const CROWDED = 0.5;
const FULL = 0.8;
/** Of them a start command must not become a chain: they stay in memory, and pass no descriptors on. */
const WRAPPER = /(?:^|\/)(npm|npx|pnpm|yarn|tsx|ts-node|nodemon)$/;

/** Whoever may write to the directory may put a socket of his own there; whoever may connect gets the service. */
export function controlPathChecks(controlPath: string): Finding[] {
  const directory = dirname(controlPath);
  const around = stats(directory);
  if (around === undefined) {
    return [fail('control directory', `${directory} does not exist, or may not be read.`)];
  }
  const findings: Finding[] = [];
  const open = (around.mode & OTHERS_MAY_WRITE) !== 0;
  if (open && (around.mode & STICKY) === 0) {
    findings.push(
      fail('control directory', `Other users may write to ${directory}: chmod go-w ${directory}`),
    );
  } else if (open) {
    findings.push(
      warn(
        'control directory',
        `${directory} is everybody's; a directory that only the server's user can write to is safer.`,
      ),
    );
  } else {
    findings.push(ok('control directory', `${directory} is its user's alone to write to.`));
  }
  const socket = stats(controlPath);
  if (socket === undefined) return findings;
  if (!socket.isSocket()) {
    findings.push(
      fail(
        'control path',
        `${controlPath} is no socket, and is never overwritten: remove it, or choose another path.`,
      ),
    );
  } else if ((socket.mode & OTHERS) !== 0) {
    findings.push(
      warn(
        'control path',
        `${controlPath} has mode ${(socket.mode & 0o777).toString(8)}, and is made with 600: chmod 600 ${controlPath}`,
      ),
    );
  } else {
    findings.push(ok('control path', `${controlPath} is a socket with mode 600.`));
  }
  if (around.uid !== 0 && around.uid !== socket.uid) {
    findings.push(
      warn(
        'control directory',
        `${directory} belongs to uid ${around.uid}, the socket in it to uid ${socket.uid}: that user can replace it.`,
      ),
    );
  }
  return findings;
}

/** What the server says of itself. */
export function statusChecks({ snapshot }: Stated): Finding[] {
  return [
    versionCheck(snapshot),
    startCommandCheck(snapshot),
    rollbackCheck(snapshot),
    lastHandoverCheck(snapshot),
    listenersCheck(snapshot),
  ].flatMap((finding) => finding ?? []);
}

/** What the kernel says of its process. Nothing where it may not be looked at. `version` is what it says it runs. */
export function processChecks(pid: number, version: string | undefined): Finding[] {
  const addon = addonOf(pid);
  return [
    descriptorCheck(pid),
    serviceManagerCheck(pid),
    signalCheck(pid),
    nodeCheck(pid),
    addon && addonCheck(addon, pid, version),
  ].flatMap((finding) => finding ?? []);
}

/** The protocol is the same; an order that one of them does not know is refused. */
function versionCheck({ version, node }: Snapshot): Finding | undefined {
  if (version === undefined) return undefined;
  const runs = `The server runs uninterruptible ${version}${node === undefined ? '' : `, Node ${node}`}`;
  return version === VERSION
    ? ok('version', `${runs}.`)
    : warn(
        'version',
        `${runs}; this command is ${VERSION}: a restart takes the library that is installed then.`,
      );
}

function startCommandCheck({ startCommand }: Snapshot): Finding | undefined {
  if (startCommand === undefined) return undefined;
  const words = typeof startCommand === 'string' ? startCommand.trim().split(/\s+/) : startCommand;
  const shown = words.join(' ');
  const wrapper = WRAPPER.exec(words[0] ?? '')?.[1];
  if (wrapper === undefined) return ok('start command', shown);
  const better = shown.includes('tsx') ? 'node --import tsx …' : 'node …';
  return warn(
    'start command',
    `\`${shown}\`: ${wrapper} stays in memory beside each generation, and its pid is not the server's. Better: ${better}`,
  );
}

function rollbackCheck({ rollbackWindow }: Snapshot): Finding | undefined {
  if (rollbackWindow === undefined) return undefined;
  return rollbackWindow > 0
    ? ok('rollback', `The process before stays for ${rollbackWindow / 1_000} s at least, to serve again.`)
    : warn(
        'rollback',
        'rollbackWindow is 0: once the process before has drained there is no way back but a restart. 30 s is a good value (ROLLBACK_WINDOW=30s).',
      );
}

function lastHandoverCheck({ lastHandover, pid }: Snapshot): Finding | undefined {
  if (lastHandover === undefined) return undefined;
  const { outcome, error, lastWords } = lastHandover;
  if (outcome === 'done') return ok('last change', `Pid ${pid} took over.`);
  const words = lastWords === undefined ? '' : ' Its last words are in: uninterruptible status';
  const why = error === undefined ? '' : ` ${error.message} (${error.code})${words}`;
  return warn(
    'last change',
    outcome === 'failed'
      ? `The last restart failed.${why}`
      : `Pid ${pid} serves again: the new version did not live, or was rolled back.${why}`,
  );
}

function listenersCheck({ listeners, state }: Snapshot): Finding | undefined {
  const shut = listeners.filter(({ accepting }) => !accepting);
  if (state !== 'serving' && state !== 'handing-over') return warn('listeners', `The server is ${state}.`);
  if (shut.length === 0) return ok('listeners', `${count(listeners.length, 'listener')} accepting.`);
  return warn(
    'listeners',
    `${shut.map(({ bound }) => bound).join(', ')}: not accepting; perhaps maxConnections are open, and clients wait.`,
  );
}

function descriptorCheck(pid: number): Finding | undefined {
  const limit = /^Max open files +(\d+)/m.exec(read(`/proc/${pid}/limits`) ?? '')?.[1];
  if (limit === undefined) return undefined;
  let open: number;
  try {
    open = descriptorsOf(pid).length;
  } catch {
    return undefined;
  }
  const sentence = `${open} of ${limit} descriptors are open`;
  const cure = 'raise it where the server is started (ulimit -n, LimitNOFILE=)';
  if (open > Number(limit) * FULL) return fail('descriptors', `${sentence}: ${cure}.`);
  if (open > Number(limit) * CROWDED) return warn('descriptors', `${sentence}: ${cure}.`);
  return ok('descriptors', `${sentence}.`);
}

/** As the library asks itself when it starts: systemd ends a service whose main process leaves, unless it is told. */
function serviceManagerCheck(pid: number): Finding | undefined {
  const environment = environmentOf(pid);
  if (environment === undefined) return undefined;
  const unit = /([^/\n]+\.service)$/m.exec(read(`/proc/${pid}/cgroup`) ?? '')?.[1];
  if (!environment.get('INVOCATION_ID') || unit === undefined || statOf(pid)?.parent !== 1) return undefined;
  return environment.get('NOTIFY_SOCKET')
    ? ok('service manager', `${unit} is told which process serves.`)
    : fail(
        'service manager',
        `${unit} has no NOTIFY_SOCKET: systemd ends the new process when the old one leaves. Set Type=notify and NotifyAccess=all.`,
      );
}

function signalCheck(pid: number): Finding | undefined {
  const caught = signals(pid, 'SigCgt');
  const blocked = signals(pid, 'SigBlk');
  if (caught === undefined || blocked === undefined) return undefined;
  const bit = 1n << BigInt(constants.signals.SIGUSR1 - 1);
  if ((caught & bit) === 0n) {
    return fail('USR1', `Pid ${pid} does not catch USR1: it would die of it. Use: uninterruptible restart`);
  }
  if ((blocked & bit) !== 0n) {
    return warn('USR1', `Pid ${pid} blocks USR1: nothing would happen. Use: uninterruptible restart`);
  }
  return ok('USR1', `Pid ${pid} catches USR1.`);
}

function signals(pid: number, line: string): bigint | undefined {
  const mask = statusLine(pid, line);
  return mask === undefined ? undefined : BigInt(`0x${mask}`);
}

function nodeCheck(pid: number): Finding | undefined {
  let executable: string;
  try {
    executable = readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined;
  }
  return executable.endsWith(' (deleted)')
    ? warn(
        'node',
        `${executable.replace(/ \(deleted\)$/, '')} was replaced since pid ${pid} started: a restart takes the new one.`,
      )
    : ok('node', executable);
}

function stats(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
