/** `supervise -- COMMAND [ARG…]`: stays as the parent of all generations, and ends as the last one does. */
import { surviveClosedOutput } from '../../process/exit.js';
import { supervise as superviseService } from '../../supervise/supervise.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit-codes.js';

/** Resolves with the exit code this process is to end with: the service's own, or a shell's for what cannot be run. */
export async function supervise(
  { binding, environment }: Context,
  command: readonly string[],
): Promise<number> {
  surviveClosedOutput();
  const say = (sentence: string): void => {
    process.stderr.write(`uninterruptible supervise: ${sentence}\n`);
  };
  try {
    return await superviseService(command, { binding, environment, say });
  } catch (error) {
    const { message, exitCode = EXIT.unknown } = error as Error & { exitCode?: number };
    say(`${command.join(' ')} could not be started: ${message}`);
    return exitCode;
  }
}
