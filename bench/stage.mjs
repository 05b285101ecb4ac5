// Everything a benchmark brings into the world, and its end: a private directory, and processes that leave our process tree
// as generations do. They carry a mark in their environment, so none can be missed.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signalAll } from '../examples/demo/processes.mjs';

const MARK = 'UNINTERRUPTIBLE_BENCH_STAGE';
const PATIENCE = 10_000;

/** Those that a signal may interrupt. */
const open = new Set();
process.on('exit', () => open.forEach((stage) => stage.clear()));

class Stage {
  directory = mkdtempSync(join(tmpdir(), 'uninterruptible-bench-'));
  #mark = randomUUID();
  /** Processes that were there before, and those seen to be somebody else's, are not looked at again. */
  #strangers = new Set(readdirSync('/proc'));
  #ours = new Set();

  constructor() {
    open.add(this);
    this.deploy('good');
  }

  /** For everything that is started here. */
  get environment() {
    return {
      ...process.env,
      // What is meant for the benchmark itself is not for the programs it measures.
      NODE_OPTIONS: undefined,
      NODE_V8_COVERAGE: undefined,
      CONTROL_PATH: undefined,
      PID_FILE: undefined,
      [MARK]: this.#mark,
      RUNTIME_DIRECTORY: this.directory,
      BENCH_VERSION: this.#versionPath,
    };
  }

  /** What the next process that starts will be: `good`, or one that will `throw`, `hang` or `answer-wrong`. */
  deploy(version) {
    writeFileSync(this.#versionPath, version);
  }

  path(name) {
    return join(this.directory, name);
  }

  /** This process was started here: nginx writes over its environment, and so over the mark. */
  adopt(pid) {
    this.#ours.add(String(pid));
  }

  /** Pids of all that live; cheap enough to be asked every few milliseconds. */
  processes() {
    const there = new Set(readdirSync('/proc'));
    for (const pid of this.#ours) if (!there.has(pid) || stateOf(pid).isDead) this.#ours.delete(pid);
    for (const pid of there) {
      if (this.#strangers.has(pid) || this.#ours.has(pid)) continue;
      if (!/^\d+$/.test(pid)) this.#strangers.add(pid);
      else if (this.#isMarked(pid) || this.#ours.has(stateOf(pid).parent)) this.#ours.add(pid);
    }
    return [...this.#ours].map(Number);
  }

  /** Kills what is left, and removes the directory. */
  clear() {
    if (!open.delete(this)) return;
    const deadline = performance.now() + PATIENCE;
    // Twice nobody: the list of processes is not read in one instant.
    for (let nobody = 0; nobody < 2 && performance.now() < deadline; ) {
      const pids = this.processes();
      nobody = pids.length === 0 ? nobody + 1 : 0;
      signalAll(pids, 'SIGKILL');
    }
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }

  #isMarked(pid) {
    return readOr('', `/proc/${pid}/environ`).includes(`${MARK}=${this.#mark}`);
  }

  get #versionPath() {
    return this.path('version');
  }
}

/** Runs `body` on a stage of its own. */
export async function onStage(body) {
  const stage = new Stage();
  try {
    return await body(stage);
  } finally {
    stage.clear();
  }
}

function stateOf(pid) {
  const status = readOr('State:\tZ\nPPid:\t0', `/proc/${pid}/status`);
  return { isDead: /^State:\s+Z/m.test(status), parent: /^PPid:\s+(\d+)/m.exec(status)?.[1] };
}

function readOr(otherwise, path) {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return otherwise; // gone, or not ours
  }
}
