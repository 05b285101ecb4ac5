// What the starter of a load holds: the newest progress, waits on it, the order to stop, and the result.
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const LAST_WORDS = 4096;

/** How long, beyond the time an answer may take, the generator has to give its result. */
const STOP_MARGIN = 10_000;

export class LoadHandle {
  /** The newest report, or undefined before the first. */
  progress;
  started;
  result;
  #child;
  #exited;
  #stopDeadline;
  #stderr = '';
  #watchers = new Set();
  #settlements = [];

  constructor(child, { answerTimeout = 5000 } = {}) {
    this.#child = child;
    this.#stopDeadline = 2 * answerTimeout + STOP_MARGIN;
    this.#exited = once(child, 'close').catch(() => {});
    this.started = this.#promised('started');
    this.result = this.#promised('result');
    createInterface({ input: child.stdout }).on('line', (line) => this.#read(JSON.parse(line)));
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#stderr = (this.#stderr + text).slice(-LAST_WORDS);
    });
    child.stdin.on('error', () => {}); // it has gone: 'close' says how
    child.on('error', (error) => this.#fail(error));
    child.on('close', (code, signal) => this.#fail(this.#ended(code, signal)));
  }

  get pid() {
    return this.#child.pid;
  }

  /** Resolves with the first progress (the newest one included) that the predicate accepts. */
  async waitFor(predicate, deadline, what = 'the load to get there') {
    if (this.progress !== undefined && predicate(this.progress)) return this.progress;
    let timer;
    let watcher;
    const decided = new Promise((resolve, reject) => {
      const refuse = () => reject(new Error(`waited ${deadline} ms for ${what}; ${this.#lastProgress()}`));
      timer = setTimeout(refuse, deadline);
      watcher = (progress) => {
        try {
          if (predicate(progress)) resolve(progress);
        } catch (error) {
          reject(error);
        }
      };
      this.#watchers.add(watcher);
    });
    const over = this.result.then(() => {
      throw new Error(`the load ended before ${what}; ${this.#lastProgress()}`);
    });
    try {
      return await Promise.race([decided, over]);
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(watcher);
    }
  }

  /** Makes no more connections, waits for those under way, and resolves with the result. */
  async stop() {
    this.#child.stdin.write('stop\n');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), this.#stopDeadline);
    try {
      return await this.result;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the process at once; resolves when it has gone. */
  async kill() {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #read(message) {
    switch (message.type) {
      case 'started':
        return this.#settle('started', message);
      case 'progress':
        this.progress = message;
        return this.#watchers.forEach((watcher) => watcher(message));
      case 'result':
        return this.#settle('result', message);
      default:
        return this.#fail(new Error(`the load generator says: ${message.message}`));
    }
  }

  /** A promise that the message of this type resolves, and the end of the process rejects. */
  #promised(type) {
    const promise = new Promise((resolve, reject) => this.#settlements.push({ type, resolve, reject }));
    promise.catch(() => {}); // whoever awaits it still hears of it
    return promise;
  }

  #settle(type, value) {
    this.#settlements.find((settlement) => settlement.type === type).resolve(value);
  }

  #fail(error) {
    for (const { reject } of this.#settlements) reject(error);
  }

  #lastProgress() {
    return `last progress: ${JSON.stringify(this.progress)}`;
  }

  #ended(code, signal) {
    return new Error(`the load generator ended (${signal ?? `code ${code}`}) ${this.#stderr}`.trimEnd());
  }
}
