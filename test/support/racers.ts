/** Two processes that start and stop servers on command, and stay: nothing but the race takes time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DEADLINE } from './generations.js';

const RACER = fileURLToPath(new URL('../fixtures/racer.mjs', import.meta.url));

/** What one of them says: that it serves, as which generation; that it does not; that it has stopped. */
export interface Said {
  pid: number;
  serving?: number;
  failed?: string;
  stopped?: boolean;
}

export class Racers {
  readonly #children: ChildProcess[] = [];
  readonly #said: Said[] = [];
  #wake: () => void = () => undefined;

  constructor() {
    for (let count = 0; count < 2; count += 1) {
      const child = spawn(process.execPath, [RACER], { stdio: ['pipe', 'pipe', 'inherit'] });
      createInterface({ input: child.stdout }).on('line', (line) => {
        this.#said.push(JSON.parse(line) as Said);
        this.#wake();
      });
      this.#children.push(child);
    }
  }

  get pids(): (number | undefined)[] {
    return this.#children.map(({ pid }) => pid);
  }

  tell(pid: number | undefined, what: object): void {
    this.#children.find((child) => child.pid === pid)?.stdin?.write(`${JSON.stringify(what)}\n`);
  }

  /** The next thing that either says. */
  async next(): Promise<Said> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error('the racers say nothing')), DEADLINE);
    });
    try {
      for (;;) {
        const said = this.#said.shift();
        if (said !== undefined) return said;
        const more = new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        await Promise.race([more, late]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  end(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}
