/** One bash, as somebody who follows the README has it open: jobs, `$!` and variables live from one command to the next. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

const COMMAND_MILLISECONDS = 20_000;

/**
 * Commands come in on descriptor 3, apart from what the commands themselves read, and each ends with its exit status between
 * two zero bytes in the output.
 */
const LOOP = `
exec 2>&1
while IFS= read -r -d '' command <&3; do
  eval "$command" 3<&-
  printf '\\0%d\\0' $?
done`;

export interface Printed {
  readonly output: string;
  readonly status: number;
}

export class Shell {
  readonly #bash: ChildProcess;
  readonly #commands: Writable;
  #output = '';
  #wake: () => void = () => undefined;

  constructor(cwd: string, environment: Readonly<Record<string, string>>) {
    this.#bash = spawn('bash', ['--noprofile', '--norc', '-c', LOOP], {
      cwd,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    });
    this.#commands = this.#bash.stdio[3] as Writable;
    this.#bash.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
      this.#wake();
    });
  }

  /** Resolves when the command has ended. What jobs in the background print meanwhile is output as well. */
  run(command: string): Promise<Printed> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`does not end: ${command}\nso far: ${this.#output}`));
      }, COMMAND_MILLISECONDS);
      this.#wake = () => {
        const match = /^(?<output>[^\0]*)\0(?<status>\d+)\0/.exec(this.#output);
        if (match === null) return;
        clearTimeout(timer);
        this.#output = this.#output.slice(match[0].length);
        resolve({ output: match[1] ?? '', status: Number(match[2]) });
      };
      this.#commands.write(`${command}\0`);
    });
  }

  /** Closes it, amid a command if need be; the jobs it has started live on. */
  async end(): Promise<void> {
    const exited = new Promise((resolve) => this.#bash.once('exit', resolve));
    this.#bash.kill('SIGKILL');
    await exited;
    this.#commands.destroy();
    this.#bash.stdout?.destroy();
  }
}
