// The server through all its generations: starts the first one, restarts it as an operator would (`kill -USR1` to the pid in
// the pid file), and knows from the lines each generation prints who serves.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('server.mjs', import.meta.url));
const READY_DEADLINE = 30_000;
const KEPT_LINES = 20;

export class Generations {
  /** One entry for each: generation, pid, port and, unless it is the first, when its start was ordered. */
  list = [];
  /** What the server logged last. */
  log = [];
  #pidFile;
  #waiting;

  constructor(directory, lifeline) {
    this.#pidFile = join(directory, 'server.pid');
    const server = spawn(process.execPath, [PROGRAM], {
      cwd: directory,
      detached: true, // its own session, as its successors have: Ctrl-C is for the demo to handle
      // The control socket lives in the runtime directory: with the demo's own, nothing stays behind.
      env: {
        ...process.env,
        DEMO_LIFELINE: lifeline,
        DEMO_PID_FILE: this.#pidFile,
        RUNTIME_DIRECTORY: directory,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const output of [server.stdout, server.stderr]) {
      createInterface({ input: output }).on('line', (line) => this.#read(line));
    }
    server.on('error', (error) => this.#fail(error.message));
    server.on('close', (code, signal) => {
      if (this.list.length === 0) this.#fail(`the server ended (${signal ?? `code ${code}`})`);
    });
  }

  get current() {
    return this.list.at(-1);
  }

  /** Resolves when the first generation serves. */
  async started() {
    await this.#next('the server', undefined);
  }

  /** Restarts the server; resolves when the new generation serves. */
  async restart() {
    const { generation, pid } = this.current;
    const owner = Number(readFileSync(this.#pidFile, 'utf8'));
    if (owner !== pid) throw new Error(`the pid file says ${owner}, but ${pid} serves`);
    process.kill(owner, 'SIGUSR1');
    await this.#next(`generation ${generation + 1}`, performance.timeOrigin + performance.now());
  }

  #next(what, orderedAt) {
    return new Promise((resolve, reject) => {
      const late = () => this.#fail(`${what} did not serve within ${READY_DEADLINE / 1000} s`);
      const timer = setTimeout(late, READY_DEADLINE);
      this.#waiting = { resolve, reject, orderedAt, timer };
    });
  }

  #read(line) {
    const message = parseOwnLine(line);
    if (message?.demo === 'serving') this.#serving(message);
    else if (message?.demo === 'handover-failed') this.#fail(`${message.code}: ${message.message}`);
    else this.log = [...this.log, line].slice(-KEPT_LINES);
  }

  #serving({ generation, pid, port }) {
    this.list.push({ generation, pid, port, orderedAt: this.#waiting?.orderedAt });
    this.#settle('resolve');
  }

  #fail(reason) {
    this.#settle('reject', new Error(reason));
  }

  #settle(how, value) {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    clearTimeout(waiting?.timer);
    waiting?.[how](value);
  }
}

/** The lines of examples/demo/server.mjs among those of the library's log. */
function parseOwnLine(line) {
  if (!line.startsWith('{"demo":')) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
