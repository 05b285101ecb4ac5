/** A command that says by its exit code whether a server is good. */
import type { Environment } from './environment.js';

/** The end of its output is what says why. */
const KEPT_CHARACTERS = 2_000;

export interface Checked {
  passed: boolean;
  /** Why not, in words. */
  reason: string;
}

/** Runs it once, by `sh`, and kills whatever it started when its time is over. Never rejects. */
export async function runCheck(
  command: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<Checked> {
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn('/bin/sh', ['-c', command], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-KEPT_CHARACTERS);
    });
  }
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  };
  signal.addEventListener('abort', kill);
  const reason = await new Promise<string | undefined>((resolve) => {
    child.once('error', ({ message }) => resolve(message));
    child.once('exit', (code, by) => {
      if (code === 0) resolve(undefined);
      else if (by === null) resolve(`it ended with ${code}`);
      else resolve(signal.aborted ? 'it took too long' : `${by} ended it`);
    });
  });
  signal.removeEventListener('abort', kill);
  const said = output.trim();
  return { passed: reason === undefined, reason: `${reason ?? ''}${said === '' ? '' : `: ${said}`}` };
}
