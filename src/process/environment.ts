/** The only reader of `process.env`: what this process was told by its predecessor, and what its successor gets. */
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

const CONTROL_PATH = 'UNINTERRUPTIBLE_CONTROL_PATH';
const CONTROL_DESCRIPTORS = 'UNINTERRUPTIBLE_CONTROL_DESCRIPTORS';
const TOKEN = 'UNINTERRUPTIBLE_TOKEN';
/** In a child, the number of the first descriptor it inherits beside stdin, stdout and stderr. */
export const FIRST_INHERITED = 3;
/** Node's own flags for the inspector: the successor could not open the same port. */
const INSPECTOR_FLAG = /^--(inspect|debug)([-_=]|$)/;
/** Words as Node tells them apart in NODE_OPTIONS: double quotes keep spaces together. */
const NODE_OPTIONS_WORD = /(?:[^\s"]|"(?:\\.|[^"\\])*")+/g;
/**
 * Meant for the process that got them: socket activation, the watchdog of one pid, Node's IPC channel (its number is
 * something else's in our child), and what npm tells its scripts.
 */
const NOT_INHERITED =
  /^(LISTEN_(PID|FDS|FDNAMES|PIDFDID)|WATCHDOG_PID|NODE_(CHANNEL_FD|CHANNEL_SERIALIZATION_MODE|UNIQUE_ID)|npm_.*|UNINTERRUPTIBLE_(CONTROL_PATH|CONTROL_DESCRIPTORS|TOKEN))$/;

/** Numbers of descriptors: a connection to the predecessor, and the file that carries its locks. */
export interface InheritedDescriptors {
  connection: number;
  lock: number;
}

/** Where a process started by `restart` finds its predecessor. */
export type Place = { controlPath: string } | InheritedDescriptors;

/** What a process started by `restart` gets from its predecessor. */
export interface Inherited {
  place: Place;
  token: string;
}

/** What was taken out of `process.env` and is a successor's as well. */
const hidden: Record<string, string> = {};

export function currentEnvironment(): Environment {
  return process.env;
}

/** Reads what the predecessor left for us and removes it, so that no child of ours sees it. */
export function takeInherited(): Inherited | undefined {
  const controlPath = process.env[CONTROL_PATH];
  const place = controlPath ? { controlPath } : readDescriptors(process.env[CONTROL_DESCRIPTORS]);
  const token = process.env[TOKEN];
  for (const name of [CONTROL_PATH, CONTROL_DESCRIPTORS, TOKEN]) Reflect.deleteProperty(process.env, name);
  return place && token ? { place, token } : undefined;
}

/** Descriptors that a service manager passed to this process, and what it calls them (sd_listen_fds(3)). */
export function takePassedDescriptors(): { fd: number; name: string }[] {
  const { LISTEN_PID: pid, LISTEN_FDS: count = '', LISTEN_FDNAMES: names = '' } = process.env;
  // Whoever started us may have been meant, and not have removed them.
  if (pid !== String(process.pid)) return [];
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID']) {
    Reflect.deleteProperty(process.env, name);
  }
  if (!/^\d{1,4}$/.test(count)) return [];
  const named = names.split(':');
  return Array.from({ length: Number(count) }, (_, at) => ({
    fd: FIRST_INHERITED + at,
    name: named[at] ?? 'unknown',
  }));
}

/** What a program that this process becomes is told of its sockets, from `FIRST_INHERITED` on (sd_listen_fds(3)). */
export function announceSockets(names: readonly string[]): void {
  Reflect.deleteProperty(process.env, 'LISTEN_PIDFDID');
  process.env['LISTEN_PID'] = String(process.pid);
  process.env['LISTEN_FDS'] = String(names.length);
  process.env['LISTEN_FDNAMES'] = names.join(':');
}

/** Whether a service manager passed sockets to the process that started this one, and that did not pass them on. */
export function passedToParent(environment: Environment): boolean {
  return Number(environment['LISTEN_FDS']) > 0 && environment['LISTEN_PID'] === String(process.ppid);
}

function readDescriptors(text: string | undefined): InheritedDescriptors | undefined {
  const [, connection, lock] = /^(\d{1,9}),(\d{1,9})$/.exec(text ?? '') ?? [];
  return connection && lock ? { connection: Number(connection), lock: Number(lock) } : undefined;
}

/** Whoever supervises this process and wants to be told of it, as sd_notify(3) and sd_watchdog_enabled(3) say. */
export interface Supervisor {
  /** Where it listens: a path, or `@name` of an abstract socket. */
  socket: string;
  /** Microseconds in which it wants to hear from the service, at least once. */
  watchdog: number | undefined;
}

/**
 * Reads what a supervisor left for us and removes it: a child of ours that speaks there, or is a server itself, would be
 * taken for the main process.
 */
export function takeSupervisor(): Supervisor | undefined {
  const supervisor = readSupervisor(process.env);
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) {
    const value = process.env[name];
    if (value !== undefined) hidden[name] = value;
    Reflect.deleteProperty(process.env, name);
  }
  return supervisor;
}

export function readSupervisor(environment: Environment): Supervisor | undefined {
  const socket = environment['NOTIFY_SOCKET'];
  if (!socket) return undefined;
  // The pid is that of the first process; a successor, which has the interval only, is meant as well.
  const { WATCHDOG_PID: pid, WATCHDOG_USEC: interval } = environment;
  const isOurs = !pid || pid === String(process.pid);
  return {
    socket,
    watchdog: isOurs && /^[1-9]\d{0,17}$/.test(interval ?? '') ? Number(interval) : undefined,
  };
}

/**
 * The environment for a command that is supervised here: it tells us what becomes of it. Whoever supervises us hears of
 * it from us, its watchdog included.
 */
export function supervisedEnvironment(environment: Environment, socket: string): Record<string, string> {
  const given = Object.entries(environment).filter(([name]) => !/^(LISTEN_.*|WATCHDOG_.*)$/.test(name));
  const watchdog = readSupervisor(environment)?.watchdog;
  return {
    ...(Object.fromEntries(given) as Record<string, string>),
    ...(watchdog === undefined ? {} : { WATCHDOG_USEC: String(watchdog) }),
    NOTIFY_SOCKET: socket,
  };
}

/** Whether systemd started this process itself and cannot be told when another process takes its place. */
export function isUnnotifiableService(supervisor: Supervisor | undefined): boolean {
  return process.ppid === 1 && Boolean(process.env['INVOCATION_ID']) && supervisor === undefined;
}

/**
 * The environment for a successor: the one this process was *started* with (so that a `.env` file read by the program
 * since is read anew), less what belongs to this process alone.
 */
export function successorEnvironment(workingDirectory: string, inherited: Inherited): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(startingEnvironment())) {
    if (value !== undefined && !NOT_INHERITED.test(name)) environment[name] = value;
  }
  const options = environment['NODE_OPTIONS'];
  if (options !== undefined) environment['NODE_OPTIONS'] = withoutInspector(options);
  // The counterpart of `bundle exec`: the release's own tools come first, once, however often it was restarted.
  const tools = join(workingDirectory, 'node_modules', '.bin');
  const others = environment['PATH']?.split(delimiter).filter((directory) => directory !== tools) ?? [];
  environment['PATH'] = [tools, ...others].join(delimiter);
  environment['PWD'] = workingDirectory;
  const { place } = inherited;
  if ('controlPath' in place) environment[CONTROL_PATH] = place.controlPath;
  else environment[CONTROL_DESCRIPTORS] = `${place.connection},${place.lock}`;
  environment[TOKEN] = inherited.token;
  return environment;
}

function withoutInspector(options: string): string {
  const words = options.match(NODE_OPTIONS_WORD) ?? [];
  const isFlag = (word: string | undefined): boolean => word !== undefined && INSPECTOR_FLAG.test(word);
  // `--inspect-port 9230`: in NODE_OPTIONS a word without a dash is the value of the flag before it.
  const isItsValue = (word: string, at: number): boolean => !word.startsWith('-') && isFlag(words[at - 1]);
  return words.filter((word, at) => !isFlag(word) && !isItsValue(word, at)).join(' ');
}

/** As the kernel handed it over at exec, whatever the program changed since (environ(5) in proc_pid_environ). */
function startingEnvironment(): Environment {
  try {
    const entries = readFileSync('/proc/self/environ', 'utf8')
      .split('\0')
      .filter((entry) => entry.includes('='));
    return Object.fromEntries(
      entries.map((entry) => {
        const at = entry.indexOf('=');
        return [entry.slice(0, at), entry.slice(at + 1)];
      }),
    );
  } catch {
    return { ...process.env, ...hidden };
  }
}
