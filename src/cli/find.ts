/** Which server is meant: by its control path, by a pid file, or because this user has no other. */
import { lstatSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Binding } from '../binding.js';
import type { Environment } from '../process/environment.js';
import { harmlessLine } from '../process/harmless.js';
import { ObservedProcess } from '../process/observed-process.js';
import { Deadline } from './deadline.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';
import { Operator, type Stated } from './operator.js';
import { descriptorsOf, type HeldLock, locksHeldBy, locksHeldByOurs, userOf } from './processes.js';
import type { Settings } from './settings.js';
import { boundBy, shortNameOf } from './status-lines.js';

/** A server that was found. */
export interface Found {
  readonly operator: Operator;
  /** Undefined: it accepts, and does not answer. */
  readonly stated: Stated | undefined;
  /** As the kernel says. */
  readonly pid: number;
}

/** One that hangs must not keep the others from being listed. */
const SURVEY_MILLISECONDS = 2_000;
/** How a lock file without a path is shown (memfd_create(2)). */
const UNNAMED_LOCK = '/memfd:uninterruptible';

/** Throws a `Failure` if none, or more than one, can be meant. */
export async function findServer(
  binding: Binding,
  settings: Settings,
  environment: Environment,
): Promise<Operator> {
  const { control, pidfile } = settings;
  if (control !== undefined && pidfile !== undefined) {
    throw new Failure(EXIT.usage, 'usage', '--control and --pidfile both name a server: give one of them.');
  }
  if (control !== undefined) return new Operator(binding, resolve(control));
  if (pidfile !== undefined) return byPidFile(binding, pidfile, '--pidfile');
  const { CONTROL_PATH, PID_FILE } = environment;
  if (CONTROL_PATH) return new Operator(binding, resolve(CONTROL_PATH));
  if (PID_FILE) return byPidFile(binding, PID_FILE, 'PID_FILE');
  const found = await survey(binding);
  const [only] = found;
  if (only === undefined) {
    throw new Failure(
      EXIT.nobody,
      'nobody',
      `No server of ${whoseServers()} was found: start one. One in a container, or without a control path, is not seen from here.`,
    );
  }
  if (found.length > 1) throw several(found);
  return only.operator;
}

/** `user 1000`, or `any user` for root. */
export function whoseServers(): string {
  const uid = process.geteuid?.();
  return uid === 0 ? 'any user' : `user ${uid}`;
}

/** All servers of this user, by control path. Never throws for one of them. */
export async function survey(binding: Binding): Promise<Found[]> {
  const byFile = new Map(
    locksHeldByOurs()
      .filter(hasSocket)
      .map((lock) => [lock.file, lock]),
  );
  const found = await Promise.all([...byFile.values()].map((lock) => look(binding, lock)));
  return found
    .flatMap((each) => each ?? [])
    .sort((a, b) => a.operator.controlPath.localeCompare(b.operator.controlPath));
}

/** Other programs have lock files, too. */
function hasSocket({ controlPath }: HeldLock): boolean {
  return lstatSync(controlPath, { throwIfNoEntry: false })?.isSocket() === true;
}

/** Undefined: no server, but another program's lock file, or a server that has just left. */
async function look(binding: Binding, { controlPath }: HeldLock): Promise<Found | undefined> {
  const operator = new Operator(binding, controlPath);
  try {
    const stated = await operator.status(new Deadline(SURVEY_MILLISECONDS));
    return { operator, stated, pid: stated.peer || stated.snapshot.pid };
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'no-answer') return undefined;
    return { operator, stated: undefined, pid: Number(error.facts['pid'] ?? 0) };
  }
}

async function byPidFile(binding: Binding, given: string, source: string): Promise<Operator> {
  const path = resolve(given);
  const pid = readPid(path, source);
  if (!new ObservedProcess(pid).alive) {
    throw new Failure(EXIT.nobody, 'nobody', `${path} names process ${pid}, and there is none.`, { pid });
  }
  const all = locksOf(pid, path);
  const sockets = all.filter(hasSocket);
  // With none at all the first tells what is wrong there.
  const locks = sockets.length > 0 ? sockets : all;
  const [first] = locks;
  if (first === undefined) {
    // A program in another language (`exec`): its keeper has the lock file.
    const kept = (await survey(binding)).find(({ stated }) => stated?.snapshot.pid === pid);
    if (kept !== undefined) return kept.operator;
    throw noControlPath(pid, path);
  }
  // It moves from one control path to another: the one where it, or its owner, answers.
  const answers = await Promise.all(locks.map((lock) => look(binding, lock)));
  const found = answers.find((answer) => answer?.pid === pid) ?? answers[0];
  if (found?.stated !== undefined) refuseAnother(found.stated, pid, path);
  return found?.operator ?? new Operator(binding, first.controlPath);
}

/** A pid that was left in the file may be another server's by now, and an order for that one would do harm. */
function refuseAnother({ snapshot: { pidfilePath } }: Stated, pid: number, path: string): void {
  if (pidfilePath === undefined || (pidfilePath !== null && sameFile(pidfilePath, path))) return;
  const its = pidfilePath === null ? 'has no pid file' : `has the pid file ${harmlessLine(pidfilePath)}`;
  throw new Failure(
    EXIT.nobody,
    'nobody',
    `${path} is stale: process ${pid}, which it names, is another server, and ${its}.`,
    { pid },
  );
}

function sameFile(one: string, other: string): boolean {
  if (one === other) return true;
  const [first, second] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false, bigint: true }));
  return first !== undefined && first.dev === second?.dev && first.ino === second.ino;
}

function readPid(path: string, source: string): number {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // A server removes its pid file when it stops.
    if (code === 'ENOENT') {
      throw new Failure(
        EXIT.nobody,
        'nobody',
        `There is no pid file ${path} (${source}): no server runs that has it.`,
      );
    }
    throw new Failure(EXIT.usage, 'usage', `${source} cannot be read: ${message}`);
  }
  const pid = Number(/^\s*(\d{1,10})\s*$/.exec(text)?.[1] ?? 0);
  if (pid > 0) return pid;
  throw new Failure(
    EXIT.usage,
    'usage',
    `${path} (${source}) holds no pid: ${JSON.stringify(harmlessLine(text.slice(0, 40)))}`,
  );
}

function locksOf(pid: number, path: string): HeldLock[] {
  try {
    return locksHeldBy(pid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new Failure(EXIT.nobody, 'nobody', `Process ${pid}, which ${path} named, has just ended.`, {
        pid,
      });
    }
    throw new Failure(
      EXIT.refused,
      'forbidden',
      `Process ${pid}, which ${path} names, belongs to user ${userOf(pid) ?? '?'}: be that user, or root.`,
      { pid },
    );
  }
}

function noControlPath(pid: number, path: string): Failure {
  const hasUnnamedLock = descriptorsOf(pid).some((target) => target.startsWith(UNNAMED_LOCK));
  return hasUnnamedLock
    ? new Failure(
        EXIT.refused,
        'no-control-path',
        `Process ${pid}, which ${path} names, has no control path, so it takes signals only (USR1, TERM). Set controlPath.`,
        { pid },
      )
    : new Failure(
        EXIT.nobody,
        'nobody',
        `Process ${pid}, which ${path} names, is no server that takes orders: it has no lock file open.`,
        { pid },
      );
}

function several(found: readonly Found[]): Failure {
  const servers = found.map(({ pid, stated, operator }) => ({
    pid,
    program: stated?.snapshot.program ?? null,
    controlPath: operator.controlPath,
  }));
  const lines = found.map(({ pid, stated, operator: { controlPath } }) => {
    const facts =
      stated === undefined ? ['does not answer'] : [shortNameOf(stated.snapshot), boundBy(stated.snapshot)];
    return `  --control ${harmlessLine(controlPath)}   (${[`pid ${pid}`, ...facts].join(', ')})`;
  });
  return new Failure(
    EXIT.usage,
    'several-servers',
    `${found.length} servers of ${whoseServers()} run here. Say which:\n${lines.join('\n')}`,
    { servers },
  );
}
