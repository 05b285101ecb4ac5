// A process that a benchmark started: what it says, line by line, and how it ends.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const KEPT_LINES = 40;

export class Launched {
  lines = [];
  /** Resolves with the exit code, or the name of the signal. */
  exit;
  #child;
  #name;
  #watchers = new Set();

  constructor(stage, command, { ipc = false, environment = {} } = {}) {
    const [file, ...args] = command;
    this.#name = command.join(' ');
    this.#child = spawn(file, args, {
      cwd: stage.directory,
      env: { ...stage.environment, ...environment },
      stdio: ['pipe', 'pipe', 'pipe', ...(ipc ? ['ipc'] : [])],
    });
    if (this.#child.pid !== undefined) stage.adopt(this.#child.pid);
    this.#child.stdin.on('error', () => {}); // it has gone: `exit` says how
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      createInterface({ input: output }).on('line', (line) => this.#read(line));
    }
    this.exit = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => resolve(signal ?? code));
      this.#child.once('error', (error) => {
        this.#read(error.message);
        resolve(127);
      });
    });
    // Its output goes on as long as a successor has it.
    this.#child.once('close', (code, signal) => this.#look({ ended: signal ?? code }));
  }

  get pid() {
    return this.#child.pid;
  }

  kill(signal) {
    this.#child.kill(signal);
  }

  /** Writes a line to its stdin. */
  order(line) {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Sends a message, where there is a channel for it, and resolves with the next one that comes. */
  ask(message, deadline) {
    const answer = this.message(deadline, `the answer to ${message}`);
    this.#child.send(message);
    return answer;
  }

  /** The next message over the channel. */
  message(deadline, what) {
    return this.#within(new Promise((resolve) => this.#child.once('message', resolve)), deadline, what);
  }

  /** Resolves with the first line, from now on, of which `read` makes something; rejects if all output ends before. */
  async next(read, deadline, what) {
    let watcher;
    const found = new Promise((resolve, reject) => {
      watcher = ({ line, ended }) => {
        const value = line === undefined ? undefined : read(line);
        if (value !== undefined) resolve(value);
        else if (ended !== undefined) reject(new Error(this.#sentence(`ended (${ended}) before ${what}`)));
      };
      this.#watchers.add(watcher);
    });
    try {
      return await this.#within(found, deadline, what);
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  async #within(promise, deadline, what) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(this.#sentence(`waited ${deadline} ms for ${what}`))),
        deadline,
      );
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #read(line) {
    this.lines = [...this.lines, line].slice(-KEPT_LINES);
    this.#look({ line });
  }

  #look(news) {
    for (const watcher of this.#watchers) watcher(news);
  }

  #sentence(problem) {
    return [`${this.#name}: ${problem}`, ...this.lines].join('\n  ');
  }
}

/** The message of this kind in a line of ours, `{"bench":"<kind>",…}`. */
export function told(kind) {
  return (line) => {
    if (!line.startsWith(`{"bench":"${kind}"`)) return undefined;
    return JSON.parse(line);
  };
}

/** Runs a command to its end; resolves with the exit code, or `timeout`. */
export async function runCommand(stage, command, { deadline, environment } = {}) {
  const launched = new Launched(stage, command, { environment });
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => {
      launched.kill('SIGKILL');
      resolve('timeout');
    }, deadline);
  });
  try {
    return { exitCode: await Promise.race([launched.exit, late]), lines: launched.lines };
  } finally {
    clearTimeout(timer);
  }
}
