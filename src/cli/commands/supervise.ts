/** `supervise -- COMMAND [ARG…]`: stays as the parent of all generations, and ends as the last one does. */
import { loadBinding } from '../../binding.js';
import { currentEnvironment } from '../../process/environment.js';
import { surviveClosedOutput } from '../../process/exit.js';
import { supervise as superviseService } from '../../supervise/supervise.js';

/** Of a supervisor that could not do its work. */
const CANNOT = 1;

/** Resolves with the exit code this process is to end with. Never rejects. */
export async function supervise(command: readonly string[]): Promise<number> {
  surviveClosedOutput();
  const say = (sentence: string): void => {
    process.stderr.write(`uninterruptible supervise: ${sentence}\n`);
  };
  const loaded = loadBinding();
  if ('unavailable' in loaded) {
    say(loaded.unavailable);
    return CANNOT;
  }
  try {
    return await superviseService(command, {
      binding: loaded.binding,
      environment: currentEnvironment(),
      say,
    });
  } catch (error) {
    const { message, exitCode = CANNOT } = error as Error & { exitCode?: number };
    say(`${command.join(' ')} could not be started: ${message}`);
    return exitCode;
  }
}
