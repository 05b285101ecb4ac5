/** Programs that become the server by `uninterruptible exec`, beside generations in Node. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COMMAND } from './command.js';
import { DEADLINE, Generations, type StartOptions } from './generations.js';
import { parentOf } from './processes.js';

const LISTEN = fileURLToPath(new URL('../fixtures/listen.py', import.meta.url));

export interface Stated {
  pid: number;
  state: string;
  generation: number;
  draining: { pid: number; canServeAgain: boolean; connections: number }[];
  listeners: { name: string; bound: string; accepting: boolean }[];
}

export class ExecutedGenerations extends Generations {
  get unixPath(): string {
    return join(this.directory, 'app.sock');
  }

  /** `uninterruptible exec`, at the control path of the others. */
  exec(options: readonly string[], command: readonly string[], start: StartOptions = {}): ChildProcess {
    const words = ['--control', this.controlPath, ...options, '--', ...command];
    return this.launch({ ...start, command: [process.execPath, COMMAND, 'exec', ...words] });
  }

  /** The fixture in Python. */
  execPython(
    word: string,
    { options = [], fault = [] }: { options?: string[]; fault?: string[] } = {},
  ): ChildProcess {
    return this.exec(options, this.python(word, fault));
  }

  python(word: string, fault: readonly string[] = []): string[] {
    return ['python3', '-B', LISTEN, word, ...fault];
  }

  async status(): Promise<Stated> {
    const { status } = (await this.order({ type: 'status' })) as unknown as { status: Stated };
    return status;
  }

  /** Waits until the process of this pid is said to serve, and says the rest. */
  async served(pid: number | undefined): Promise<Stated> {
    const deadline = performance.now() + DEADLINE;
    for (;;) {
      const status = await this.status().catch(() => undefined);
      if (status?.pid === pid && status?.state === 'serving') return status;
      if (performance.now() > deadline) {
        throw new Error(`pid ${pid} does not serve: ${JSON.stringify(status)}\n${this.report()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** The process that keeps the sockets for the program: it was started for that pid. */
  keeperOf(pid: number | undefined): number {
    const found = this.alive().find((each) => {
      const words = readFileSync(`/proc/${each}/cmdline`, 'utf8').split('\0');
      return words[1]?.endsWith('keeper.js') === true && words[2] === String(pid);
    });
    if (found === undefined) throw new Error(`nobody keeps ${pid}\n${this.report()}`);
    if (parentOf(found) === pid) throw new Error('the keeper is a child of its program');
    return found;
  }
}
