/** The arguments: commands, options, help. What each command does stands in `commands/`. */
import { Command, Option } from 'commander';
import { loadBinding } from '../binding.js';
import { currentEnvironment } from '../process/environment.js';
import { doctor } from './commands/doctor.js';
import { type ExecOptions, exec } from './commands/exec.js';
import { list } from './commands/list.js';
import { restart } from './commands/restart.js';
import { rollback } from './commands/rollback.js';
import { listeners, status } from './commands/status.js';
import { stop } from './commands/stop.js';
import { supervise } from './commands/supervise.js';
import type { Context } from './context.js';
import { EXIT, exitMeanings } from './exit-codes.js';
import { Failure } from './failure.js';
import type { Output } from './output.js';
import { readTimeout, type Settings } from './settings.js';

type Run<Options> = (context: Context, options: Options) => Promise<void>;

const EXIT_CODES = `Exit codes:\n${exitMeanings.map((meaning, code) => `  ${code}  ${meaning}`).join('\n')}`;

export interface Surroundings {
  readonly version: string;
  readonly output: Output;
  /** All arguments, as they were given. */
  readonly words: readonly string[];
  /** Of stdin, stdout and stderr, those that were non-blocking when the command began. */
  readonly stdio: ReadonlySet<number>;
  /** Told the exit code of another program, which is the command's own. */
  readonly onServiceEnd: (exitCode: number) => void;
}

export function program({ version, output, words, stdio, onServiceEnd }: Surroundings): Command {
  const root = new Command('uninterruptible')
    .description('Looks after servers that restart without losing a connection.')
    .version(version, '--version', 'print the version')
    .option('--control <path>', 'the control path of the server (else CONTROL_PATH)')
    .option('--pidfile <path>', 'its pid file (else PID_FILE; else the only server of this user)')
    .option('--timeout <duration>', 'how long to wait: 500ms, 30s, 2m')
    .option('--json', 'answer with one JSON object on stdout, failures included')
    .helpOption('--help', 'print this')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .addHelpText('after', `\n${EXIT_CODES}`);

  const declare = (name: string, description: string, examples: string): Command =>
    root
      .command(name)
      .description(description)
      .helpOption('--help', 'print this')
      .addHelpText('after', `\nExamples:\n${examples.replaceAll(/^/gm, '  ')}\n\n${EXIT_CODES}`);
  const add = <Options>(name: string, description: string, examples: string, run: Run<Options>): Command =>
    declare(name, description, examples).action(async (options: Options) => {
      await run(contextOf(root.opts<Settings>(), output), options);
    });

  add('list', 'list the servers of this user', 'uninterruptible list\nuninterruptible list --json', list);
  add(
    'status',
    'show who serves, and who still drains',
    'uninterruptible status\nuninterruptible status --pidfile /run/echo/echo.pid --json\nuninterruptible status --watch\nuninterruptible status --metrics',
    status,
  )
    .option('--watch', 'again every second, until Ctrl-C')
    .addOption(new Option('--metrics', 'as text for Prometheus').conflicts('watch'));
  add(
    'listeners',
    'show what is listened on',
    'uninterruptible listeners --control /run/echo/control',
    listeners,
  );
  add(
    'restart',
    'start the new version, and wait until it serves',
    'uninterruptible restart --pidfile /run/echo/echo.pid\nuninterruptible restart --timeout 2m --wait-drained\nuninterruptible restart --json || echo "the old version serves on"',
    restart,
  ).option('--wait-drained', 'wait until the old process has left, too');
  add(
    'rollback',
    'let the process before serve again, while it still drains or stands by',
    'uninterruptible rollback\nuninterruptible rollback --force --control /run/echo/control',
    rollback,
  ).option('--force', 'end an owner that does not answer; only if another can serve again');
  add(
    'stop',
    'stop the service for good, and wait until its process has left',
    'uninterruptible stop --pidfile /run/echo/echo.pid\nuninterruptible stop --now',
    stop,
  ).option('--now', 'cut what is open instead of finishing it');
  add(
    'doctor',
    'look for what is wrong, and say what to do',
    'uninterruptible doctor\nuninterruptible doctor --json',
    doctor,
  );
  declare(
    'supervise',
    'stay as the parent of all generations: pid 1 of a container, or what a supervisor watches',
    'uninterruptible supervise -- node server.js\nkill -USR1 <pid of supervise>   # a restart',
  )
    .argument('[command...]', 'what to run, behind `--`')
    .action(async () => {
      const command = behindSeparator(words, 'supervise -- node server.js');
      onServiceEnd(await supervise(contextOf(root.opts<Settings>(), output), command));
    });
  declare(
    'exec',
    'take the listening sockets over, and become a program in any language (LISTEN_FDS)',
    'uninterruptible exec --control /run/app/control -- gunicorn app:app\n' +
      'uninterruptible exec --control /run/app/control --bind tcp://0.0.0.0:8080?name=http --check "curl -fs http://127.0.0.1:8080/version | grep -q 2" -- ./server',
  )
    .argument('[command...]', 'what to become, behind `--`')
    .option(
      '--bind <address>',
      'where to listen; again for more (else wherever the server there does)',
      collect,
    )
    .option('--ready-after <duration>', 'how long it must live to be ready (1s, with --check 0s)')
    .option('--check <command>', 'for sh, again and again: it is ready when this exits 0')
    .option('--drain-timeout <duration>', 'from TERM to KILL, when another takes over or at a stop (90s)')
    .option('--start-command <command>', 'for sh: what `uninterruptible restart` shall start')
    .option('--verbose', 'say each step on stderr')
    .action(async (_command: string[], options: ExecOptions) => {
      const command = behindSeparator(words, 'exec --control /run/app/control -- python3 app.py');
      onServiceEnd(await exec(contextOf(root.opts<Settings>(), output), options, command, stdio));
    });
  return root;
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** Without the separator the options of the command would be taken for ours. */
function behindSeparator(words: readonly string[], example: string): readonly string[] {
  const separator = words.indexOf('--');
  if (separator >= 0 && separator < words.length - 1) return words.slice(separator + 1);
  throw new Failure(EXIT.usage, 'usage', `The command stands behind --: ${example}`);
}

function contextOf(settings: Settings, output: Output): Context {
  if (settings.timeout !== undefined) readTimeout(settings.timeout);
  const loaded = loadBinding();
  if ('unavailable' in loaded) {
    throw new Failure(EXIT.unknown, 'unavailable', `Nothing can be ordered here: ${loaded.unavailable}.`);
  }
  return { binding: loaded.binding, environment: currentEnvironment(), output, settings };
}
