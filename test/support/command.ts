/** The built `uninterruptible` command, run as an operator runs it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { DEADLINE } from './generations.js';

export const COMMAND: string = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  environment?: Record<string, string>;
  uid?: number;
  /** Called with what has come on stdout so far, at each chunk. */
  onOutput?: (stdout: string, child: ChildProcess) => void;
  /** Instead of node: a pseudo-terminal around it. */
  through?: readonly [string, ...string[]];
}

/** Rejects when it has not ended after a while. */
export function uninterruptible(words: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { environment = {}, uid, onOutput, through = [] } = options;
  const [file, ...args] = [...through, process.execPath, COMMAND, ...words] as [string, ...string[]];
  const inherited = { ...process.env };
  for (const name of ['CONTROL_PATH', 'PID_FILE', 'NO_COLOR', 'FORCE_COLOR']) {
    Reflect.deleteProperty(inherited, name);
  }
  const child = spawn(file, args, {
    env: { ...inherited, TERM: 'xterm', ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid, cwd: '/' }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
    onOutput?.(stdout, child);
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${words.join(' ')} did not end\n${stdout}\n${stderr}`));
    }, DEADLINE);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr });
    });
  });
}

/** The one object that `--json` promises. */
export function objectOf({ stdout }: Ran): Record<string, unknown> {
  const lines = stdout.trimEnd().split('\n');
  if (lines.length !== 1) throw new Error(`not one line: ${stdout}`);
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}

/** With what differs from run to run replaced: named numbers and paths, ports, durations, times. */
export function normalised(text: string, names: Readonly<Record<string, string | number>>): string {
  let result = text;
  for (const [name, value] of Object.entries(names)) result = result.replaceAll(String(value), `<${name}>`);
  return result
    .replaceAll(/(127\.0\.0\.1:)(?!0\b)\d+/g, '$1<port>')
    .replaceAll(/ *\b\d+(\.\d)? (ms|s)\b/g, ' <time>')
    .replaceAll(/\d\d:\d\d:\d\d/g, '<clock>')
    .replaceAll(/@\d+\.\d+\.\d+/g, '@<version>');
}
