/** The library that stands in front of libc in the servers of a trial: builds it, tells it the plan, reads what came by. */
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCES = fileURLToPath(new URL('interposer/', import.meta.url));
const PLAN_BYTES = 4096;
const ARMED = '!';
const NOT_ARMED = ' ';

/** The first process or the second. */
export type Side = 'old' | 'new';

/** The n-th time that a side makes a call, or comes to a step. */
export interface Point {
  side: Side;
  call: string;
  number: number;
}

/** What the interposer does there; `value` is an errno or milliseconds. */
export interface Act {
  action: Action;
  value: number;
}

type Action =
  | 'kill'
  | 'stop'
  | 'delay'
  | 'cut'
  | 'errno'
  | 'interrupt'
  | 'truncate'
  | 'duplicate'
  | 'postpone'
  | 'reorder';

/** One line of what came by. */
export interface Event {
  /** Milliseconds since the epoch. */
  at: number;
  pid: number;
  what: 'born' | 'at' | 'hit' | 'held' | 'kills';
  words: string[];
}

/** Compiles it into this directory. Returns its path. */
export function buildInterposer(directory: string): string {
  const library = join(directory, 'interposer.so');
  const sources = readdirSync(SOURCES)
    .filter((name) => name.endsWith('.cc'))
    .map((name) => join(SOURCES, name));
  const flags = ['-shared', '-fPIC', '-O2', '-std=c++17', '-Wall', '-Wextra', '-Werror', '-pthread'];
  const { status, error } = spawnSync('g++', [...flags, ...sources, '-o', library, '-ldl'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error('the interposer could not be compiled');
  return library;
}

/** The plan and the events of one trial, in its directory. */
export class Interposer {
  readonly environment: Record<string, string>;
  readonly #plan: string;
  readonly #events: string;

  constructor(library: string, directory: string) {
    this.environment = { LD_PRELOAD: library, UNINTERRUPTIBLE_TEST_FAULTS: directory };
    this.#plan = join(directory, 'plan');
    this.#events = join(directory, 'events');
    writeFileSync(this.#plan, Buffer.alloc(PLAN_BYTES, 0).fill(NOT_ARMED, 0, 1));
    appendFileSync(this.#events, '');
  }

  /** From now on calls are counted in the processes of both sides, and these go wrong. */
  arm(faults: readonly (Point & Act)[]): void {
    const lines = faults.map(({ side, call, number, action, value }) =>
      [side, call, number, action, value].join(' '),
    );
    this.#write(lines.join('\n'), 1);
    this.#write(ARMED, 0);
  }

  /** Whatever has not gone wrong by now does not. */
  disarm(): void {
    this.#write(NOT_ARMED, 0);
  }

  get events(): Event[] {
    if (!existsSync(this.#events)) return [];
    return readFileSync(this.#events, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const [at, pid, what, ...words] = line.split(' ');
        return { at: Number(at), pid: Number(pid), what: what as Event['what'], words };
      });
  }

  /** In place: the processes have the file mapped. */
  #write(text: string, position: number): void {
    const file = openSync(this.#plan, 'r+');
    writeSync(file, text, position);
    closeSync(file);
  }
}
