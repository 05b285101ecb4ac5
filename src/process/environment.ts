/** The only reader of `process.env`: what this process was told by its predecessor, and what its successor gets. */
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

const CONTROL_PATH = 'UNINTERRUPTIBLE_CONTROL_PATH';
const TOKEN = 'UNINTERRUPTIBLE_TOKEN';
/** Node's own flags for the inspector: the successor could not open the same port. */
const INSPECTOR_FLAG = /^--(inspect|debug)([-_=]|$)/;
/** Words as Node tells them apart in NODE_OPTIONS: double quotes keep spaces together. */
const NODE_OPTIONS_WORD = /(?:[^\s"]|"(?:\\.|[^"\\])*")+/g;
/** Meant for the process that got them: socket activation, the watchdog of one pid, and what npm tells its scripts. */
const NOT_INHERITED =
  /^(LISTEN_(PID|FDS|FDNAMES|PIDFDID)|WATCHDOG_PID|npm_.*|UNINTERRUPTIBLE_(CONTROL_PATH|TOKEN))$/;

/** What a process started by `restart` gets from its predecessor. */
export interface Inherited {
  controlPath: string;
  token: string;
}

export function currentEnvironment(): Environment {
  return process.env;
}

/** Reads what the predecessor left for us and removes it, so that no child of ours sees it. */
export function takeInherited(): Inherited | undefined {
  const controlPath = process.env[CONTROL_PATH];
  const token = process.env[TOKEN];
  for (const name of [CONTROL_PATH, TOKEN]) Reflect.deleteProperty(process.env, name);
  return controlPath && token ? { controlPath, token } : undefined;
}

/** Whether systemd started this process itself and cannot be told when another process takes its place. */
export function isUnnotifiableService(): boolean {
  return process.ppid === 1 && Boolean(process.env['INVOCATION_ID']) && !process.env['NOTIFY_SOCKET'];
}

/**
 * The environment for a successor: the one this process was *started* with (so that a `.env` file read by the program
 * since is read anew), less what belongs to this process alone.
 */
export function successorEnvironment(workingDirectory: string, inherited: Inherited): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(startingEnvironment())) {
    if (value !== undefined && !NOT_INHERITED.test(name)) environment[name] = value;
  }
  const options = environment['NODE_OPTIONS'];
  if (options !== undefined) environment['NODE_OPTIONS'] = withoutInspector(options);
  // The counterpart of `bundle exec`: the release's own tools come first, once, however often it was restarted.
  const tools = join(workingDirectory, 'node_modules', '.bin');
  const others = environment['PATH']?.split(delimiter).filter((directory) => directory !== tools) ?? [];
  environment['PATH'] = [tools, ...others].join(delimiter);
  environment['PWD'] = workingDirectory;
  environment[CONTROL_PATH] = inherited.controlPath;
  environment[TOKEN] = inherited.token;
  return environment;
}

function withoutInspector(options: string): string {
  const words = options.match(NODE_OPTIONS_WORD) ?? [];
  const isFlag = (word: string | undefined): boolean => word !== undefined && INSPECTOR_FLAG.test(word);
  // `--inspect-port 9230`: in NODE_OPTIONS a word without a dash is the value of the flag before it.
  const isItsValue = (word: string, at: number): boolean => !word.startsWith('-') && isFlag(words[at - 1]);
  return words.filter((word, at) => !isFlag(word) && !isItsValue(word, at)).join(' ');
}

/** As the kernel handed it over at exec, whatever the program changed since (environ(5) in proc_pid_environ). */
function startingEnvironment(): Environment {
  try {
    const entries = readFileSync('/proc/self/environ', 'utf8')
      .split('\0')
      .filter((entry) => entry.includes('='));
    return Object.fromEntries(
      entries.map((entry) => {
        const at = entry.indexOf('=');
        return [entry.slice(0, at), entry.slice(at + 1)];
      }),
    );
  } catch {
    return process.env;
  }
}
