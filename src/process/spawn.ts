/** Starts the new copy of the program: in its own session, with its own environment, and with nobody's shell left behind. */
import { lstatSync, statSync } from 'node:fs';
import { delimiter } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Binding, Descriptor } from '../binding.js';
import { UninterruptibleError } from '../errors.js';
import { type Exit, exitOf } from './child.js';
import { type Inherited, successorEnvironment } from './environment.js';
import { LastWords } from './last-words.js';
import { statOf } from './process-stat.js';
import { nulTerminated } from './words.js';

/** How long a child that was told to leave may take before it is killed. */
const LEAVE_MILLISECONDS = 1_000;
/** Words that mean something to the shell itself: `exec cd /srv` would run nothing. */
const BUILTINS = new Set(
  (
    '. : alias bg break case cd chdir command continue eval exec exit export false fg for function getopts hash if jobs kill ' +
    'let local printf pwd read readonly return select set shift source test time times trap true type typeset ulimit ' +
    'umask unalias unset until wait while [ [[ { ! echo'
  ).split(' '),
);

export interface SpawnOptions {
  binding: Binding;
  command: string | readonly string[];
  workingDirectory: string;
  inherited: Inherited;
  /** What the child gets from `FIRST_INHERITED` on. Closed here. */
  descriptors: readonly Descriptor[];
}

/** A process we started and may therefore signal. */
export class StartedProcess {
  readonly pid: number;
  readonly lastWords: LastWords;
  /** Resolves when the process has exited. Never rejects. */
  readonly exited: Promise<Exit>;
  #alive = true;
  #over = false;

  constructor(binding: Binding, pid: number, lastWords: LastWords) {
    this.pid = pid;
    this.lastWords = lastWords;
    this.exited = exitOf(binding, pid).then((exit) => {
      this.#alive = false;
      return exit;
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** TERM, then KILL a second later, to the whole process group. Resolves when it has exited, or cannot be ended. */
  async end(): Promise<void> {
    this.#signalGroup('SIGTERM');
    const timer = setTimeout(() => this.kill(), LEAVE_MILLISECONDS);
    // A command that became another user (sudo) is not ours to signal.
    await Promise.race([this.exited, delay(2 * LEAVE_MILLISECONDS)]);
    clearTimeout(timer);
    // The leader has left; what it started may not have.
    this.kill();
  }

  /** Once the leader has been waited for, its number may become another's: the group gets one signal more, and no other. */
  kill(): void {
    if (this.#over) return;
    this.#over = !this.alive;
    this.#signalGroup('SIGKILL');
  }

  /** Whether a process is in the group that we would signal. */
  includes(pid: number): boolean {
    return pid === this.pid || statOf(pid)?.group === this.pid;
  }

  /** `detached` made the child the leader of a group of its own, and a group outlives its leader. */
  #signalGroup(signal: NodeJS.Signals): void {
    // kill(-0) would mean our own group, kill(-1) everybody.
    if (this.pid <= 1) return;
    try {
      process.kill(-this.pid, signal);
    } catch {
      // Nobody is left in it.
    }
  }
}

/** Throws RESTART_COMMAND_NOT_FOUND when nothing could be started at all. */
export function startProcess(options: SpawnOptions): StartedProcess {
  const { binding, command, workingDirectory, inherited, descriptors } = options;
  const words: readonly string[] =
    typeof command === 'string' ? ['/bin/sh', '-c', withoutShell(command)] : command;
  const [file = ''] = words;
  let ends: [Descriptor, Descriptor] | undefined;
  let lastWords: LastWords | undefined;
  try {
    ends = binding.pipe();
    const [readEnd, writeEnd] = ends;
    lastWords = new LastWords(readEnd);
    const environment = successorEnvironment(workingDirectory, inherited);
    const pid = binding.startProgram(
      nulTerminated(placesOf(file, environment['PATH'] ?? '')),
      nulTerminated(words),
      nulTerminated(Object.entries(environment).map(([name, value]) => `${name}=${value}`)),
      workingDirectory,
      [writeEnd, ...descriptors],
    );
    return new StartedProcess(binding, pid, lastWords);
  } catch (cause) {
    lastWords?.close();
    ends?.[0].close();
    const shown = typeof command === 'string' ? command : command.join(' ');
    throw new UninterruptibleError(
      'UNINTERRUPTIBLE_RESTART_COMMAND_NOT_FOUND',
      `"${shown}" could not be started: ${whyNot(file, workingDirectory, cause as NodeJS.ErrnoException)}`,
      { cause },
    );
  } finally {
    ends?.[1].close();
    for (const descriptor of descriptors) descriptor.close();
  }
}

/** Where a command may be, in the order of its own PATH; not normalised, because `link/..` is not what it looks like. */
function placesOf(file: string, path: string): string[] {
  return file.includes('/')
    ? [file]
    : path.split(delimiter).map((directory) => `${directory || '.'}/${file}`);
}

/** The kernel says ENOENT of the command, whether that or the directory is missing. */
function whyNot(file: string, workingDirectory: string, { code, message }: NodeJS.ErrnoException): string {
  if (statSync(workingDirectory, { throwIfNoEntry: false }) === undefined) {
    const isLink = lstatSync(workingDirectory, { throwIfNoEntry: false }) !== undefined;
    return `workingDirectory ${workingDirectory} ${isLink ? 'is a link that leads nowhere' : 'does not exist'}.`;
  }
  const isLookedFor = code === 'ENOENT' && !file.includes('/');
  return `in ${workingDirectory}: ${isLookedFor ? `${file} is not in node_modules/.bin there, nor in PATH.` : message}`;
}

/**
 * dash does not replace itself by the last command it runs, so a simple command gets `exec`. Anything that could be
 * more than one simple command, or begins with an assignment or a builtin, is left to the shell as it stands.
 */
export function withoutShell(command: string): string {
  const trimmed = command.trim();
  const first = trimmed.split(/\s/, 1)[0] ?? '';
  const redirectionsRemoved = trimmed.replace(/[<>]&/g, '');
  const isSimple = !/[;&|\n(){}`]/.test(redirectionsRemoved) && !/^[<>]/.test(first);
  const isCommand = /^[^=]+$/.test(first) && !BUILTINS.has(first);
  return isSimple && isCommand ? `exec ${trimmed}` : command;
}
