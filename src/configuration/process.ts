/** The options that belong to the process: merged from all servers, then checked once. */
import { readDuration } from './durations.js';
import { type Given, type GivenOptions, type OptionName, type Problems, print } from './given.js';
import { readLimit } from './limits.js';
import { nearest } from './nearest.js';
import type { ConfigurationContext, Logger, LogLevel, ProcessConfiguration } from './options.js';
import { readControlPath, readPath, readWorkingDirectory } from './paths.js';
import { readRestartSignal, signalIfKnown } from './signals.js';
import { readStartCommand } from './start-command.js';

/** Given on any of several servers, they hold for all. */
const processOptions: readonly OptionName[] = Object.freeze([
  'startCommand',
  'pidfilePath',
  'logPath',
  'logLevel',
  'logger',
  'workingDirectory',
  'controlPath',
  'restartSignal',
  'readyTimeout',
  'drainTimeout',
  'rollbackWindow',
  'maxDraining',
  'shutdownDelay',
] as const);

/** The defaults this file needs; the table is in `configuration.ts`. */
export type ProcessDefaults = Pick<
  ProcessConfiguration,
  | 'controlPath'
  | 'drainTimeout'
  | 'logLevel'
  | 'logPath'
  | 'logger'
  | 'maxDraining'
  | 'pidfilePath'
  | 'readyTimeout'
  | 'rollbackWindow'
  | 'shutdownDelay'
> & { readonly restartSignal: NodeJS.Signals };

const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** Those of pino's methods that are called. */
const LOGGER_METHODS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly (keyof Logger)[];

/** Takes the options of the process out of the options of each server. Two servers may only say the same. */
export function mergeProcessOptions(
  servers: readonly GivenOptions[],
  problems: Problems,
): ReadonlyMap<string, unknown> {
  const merged = new Map<string, unknown>();
  for (const option of processOptions) {
    const values = servers.map((server) => server.explicit(option)?.value);
    const first = values.findIndex((value) => value !== undefined);
    if (first === -1) continue;
    merged.set(option, values[first]);
    const other = values.findIndex((value) => value !== undefined && !isSame(value, values[first]));
    if (other === -1) continue;
    problems.add(
      `${option} belongs to the whole process and differs between server ${first + 1} and server ${other + 1}; give it once.`,
    );
  }
  return merged;
}

/** `pwd` is `$PWD`. */
export function resolveProcess(
  given: GivenOptions,
  defaults: ProcessDefaults,
  context: ConfigurationContext,
  pwd: string | undefined,
  problems: Problems,
): ProcessConfiguration {
  const { startedIn } = context;

  /** The value of an option that may be null, or its default. */
  function optional<T>(
    option: OptionName,
    fallback: T | null,
    read: (present: Given) => T | undefined,
  ): T | null {
    const found = given.get(option);
    if (found === undefined) return fallback;
    return found.value === null ? null : (read(found) ?? fallback);
  }
  function duration(option: OptionName, fallback: number, positive: boolean): number {
    const found = given.get(option);
    return (found && readDuration(found, { positive }, problems)) ?? fallback;
  }
  const path = (found: Given): string | undefined => readPath(found, startedIn, problems);

  const logger = optional('logger', defaults.logger, (found) => readLogger(found, problems));
  const explicitLogPath = given.explicit('logPath');
  if (logger !== null && typeof explicitLogPath?.value === 'string') {
    problems.add('logPath has no effect with a logger of your own; leave one of them out.');
  }
  const logPath = logger === null ? optional('logPath', defaults.logPath, path) : null;
  const signal = given.get('restartSignal');
  const level = given.get('logLevel');

  return Object.freeze({
    startCommand: readStartCommand(given.get('startCommand'), context, problems),
    workingDirectory: readWorkingDirectory(given.get('workingDirectory'), startedIn, pwd, problems),
    controlPath: optional('controlPath', defaults.controlPath, (found) =>
      readControlPath(found, startedIn, problems),
    ),
    pidfilePath: optional('pidfilePath', defaults.pidfilePath, path),
    logPath,
    logLevel: (level && readLevel(level, problems)) ?? defaults.logLevel,
    logger,
    restartSignal:
      signal === undefined
        ? signalIfKnown(defaults.restartSignal)
        : (readRestartSignal(signal, logPath, problems) ?? null),
    readyTimeout: duration('readyTimeout', defaults.readyTimeout, true),
    drainTimeout: optional('drainTimeout', defaults.drainTimeout, (found) =>
      readDuration(found, { positive: false }, problems),
    ),
    rollbackWindow: duration('rollbackWindow', defaults.rollbackWindow, false),
    maxDraining: readLimit(given, 'maxDraining', defaults.maxDraining, problems),
    shutdownDelay: duration('shutdownDelay', defaults.shutdownDelay, false),
  });
}

/** In any case, so that the gem's names in capitals are understood; its UNKNOWN lets nothing through. */
function readLevel({ label, value }: Given, problems: Problems): LogLevel | undefined {
  const name = typeof value === 'string' ? value.toLowerCase() : '';
  const level = name === 'unknown' ? 'silent' : LEVELS.find((known) => known === name);
  if (level !== undefined) return level;
  const proposal = nearest(name, LEVELS);
  problems.add(
    `${label} must be one of ${LEVELS.join(', ')}, not ${print(value)}${proposal === undefined ? '.' : `; did you mean ${proposal}?`}`,
  );
  return undefined;
}

function readLogger({ label, value }: Given, problems: Problems): Logger | undefined {
  const methods = (typeof value === 'object' ? value : {}) as Record<string, unknown>;
  const missing = LOGGER_METHODS.filter((method) => typeof methods[method] !== 'function');
  if (missing.length === 0) return value as Logger;
  problems.add(
    `${label} must be an object with the methods ${LOGGER_METHODS.join(', ')}, as pino has; ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing.`,
  );
  return undefined;
}

function isSame(one: unknown, other: unknown): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return Object.is(one, other);
  return one.length === other.length && one.every((word, index) => Object.is(word, other[index]));
}
