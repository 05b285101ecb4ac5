/** Runs one command, and ends with its exit code. */
import { CommanderError } from 'commander';
import { currentEnvironment } from '../process/environment.js';
import { endProcess } from '../process/exit.js';
import { VERSION } from '../version.js';
import { EXIT } from './exit-codes.js';
import { Failure } from './failure.js';
import { Output } from './output.js';
import { program } from './program.js';

const words = process.argv.slice(2);

/** Ends the process with an exit code of ours, or with that of another program. `stdio` is as `rememberStdio` found it. */
export async function command(stdio: ReadonlySet<number>): Promise<void> {
  // Whoever read stdout has seen enough (`| head`); what was ordered goes on by itself.
  process.stdout.on('error', () => void endProcess(EXIT.done, () => Promise.resolve()));
  await endProcess(await exitCodeOf(stdio), () => Promise.resolve());
}

async function exitCodeOf(stdio: ReadonlySet<number>): Promise<number> {
  const environment = currentEnvironment();
  const separator = words.indexOf('--');
  const own = separator < 0 ? words : words.slice(0, separator);
  // Also of what is wrong with the arguments themselves.
  const output = new Output(own.includes('--json'), environment);
  let exitCode: number = EXIT.done;
  const onServiceEnd = (code: number): void => {
    exitCode = code;
  };
  const root = program({ version: VERSION, output, words, stdio, onServiceEnd });
  if (words.length === 0) {
    process.stderr.write(root.helpInformation());
    return EXIT.usage;
  }
  try {
    await root.parseAsync(words, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof Failure) return output.failure(error);
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? EXIT.done : output.failure(usage(error));
    }
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return output.failure(new Failure(EXIT.unknown, 'unknown', message));
  }
}

function usage({ message }: CommanderError): Failure {
  const sentence = message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new Failure(EXIT.usage, 'usage', `${sentence}. See: uninterruptible --help`);
}
