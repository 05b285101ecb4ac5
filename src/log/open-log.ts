/** Chooses who writes the log: the user's logger, or pino, as JSON or, on a terminal, as one plain line per event. */
import { closeSync, openSync } from 'node:fs';
import type { Logger, LogLevel } from '../configuration.js';
import { ConfigurationError } from '../errors.js';
import { whyUnwritable } from '../process/unwritable.js';
import { Log } from './log.js';
import { APPENDING } from './open-file.js';
import { Outlet } from './outlet.js';
import { terminalLine } from './terminal-line.js';

const STDOUT = 1;

export interface LogOptions {
  logger: Logger | null;
  logPath: string | null;
  logLevel: LogLevel;
  generation: () => number;
}

/** pino, which the build puts into a file of its own, is loaded here and only if it is needed. Throws a ConfigurationError if the log file cannot be written. */
export async function openLog({ logger, logPath, logLevel, generation }: LogOptions): Promise<Log> {
  if (logger !== null) {
    return new Log(logger, generation, { debugging: isDebugging(logger), flush: () => flush(logger) });
  }

  const { default: pino } = await import('pino');
  if (logPath !== null) ensureWritable(logPath);
  const outlet = await Outlet.open(pino.destination, logPath, STDOUT);
  const plain = logPath === null && process.stdout.isTTY;
  const stream = {
    write: (json: string): void => {
      outlet.write(plain ? terminalLine(json, process.stdout.hasColors()) : json);
    },
  };
  const made = pino(
    {
      level: logLevel,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      // The default one appends the messages of the causes to the message, and ours say them already.
      serializers: { err: pino.stdSerializers.errWithCause },
    },
    stream,
  );
  const log: Log = new Log(made, generation, {
    debugging: made.isLevelEnabled('debug'),
    flush: () => outlet.flush(),
    reopen: () => void outlet.reopen().catch(sayWhy),
    keepUp: () => void outlet.keepUp().catch(sayWhy),
  });
  outlet.onLoss = (err) =>
    log.warn('lines for the log file before are lost, it could not be written', { err });
  const sayWhy = (err: unknown): void => {
    log.error('the log file could not be opened anew, lines go on into the one before', { err });
  };
  return log;
}

/**
 * The destination opens it later and would only lose lines; whoever configured it must hear of it now. No directory is made:
 * a name that was mistyped must not become one.
 */
function ensureWritable(logPath: string): void {
  try {
    closeSync(openSync(logPath, APPENDING));
  } catch (cause) {
    throw new ConfigurationError(
      [`logPath ${logPath} cannot be written: ${whyUnwritable(logPath, cause)}.`],
      {
        cause,
      },
    );
  }
}

/** As pino's does it: with a callback. Others return a promise, or nothing and have done it. */
async function flush(logger: Logger): Promise<void> {
  if (typeof logger.flush !== 'function') return;
  await new Promise<void>((resolve, reject) => {
    const result: unknown = logger.flush?.((error) =>
      error === undefined || error === null ? resolve() : reject(error),
    );
    if (logger.flush?.length === 0) Promise.resolve(result).then(() => resolve(), reject);
  });
}

function isDebugging(logger: Logger & { isLevelEnabled?: (level: string) => boolean }): boolean {
  return logger.isLevelEnabled?.('debug') ?? true;
}
