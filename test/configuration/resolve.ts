/** Short ways to a configuration and to its problems. */

import type {
  ProcessConfiguration,
  ResolvedConfiguration,
  ServerConfiguration,
} from '../../src/configuration.js';
import { type ConfigurationContext, resolveConfiguration } from '../../src/configuration.js';
import { ConfigurationError } from '../../src/errors.js';

type Environment = Readonly<Record<string, string | undefined>>;

export const context: ConfigurationContext = {
  startedIn: process.cwd(),
  commandLine: ['/usr/bin/node', `${process.cwd()}/server.mjs`],
  mode: 'start',
};

/** Options as a careless program gives them: of any type. One object, or an array for several servers. */
export function resolve(
  options: unknown,
  environment: Environment = {},
  changes = {},
): ResolvedConfiguration {
  const list = (Array.isArray(options) ? options : [options]) as object[];
  return resolveConfiguration(list, environment, { ...context, ...changes });
}

/** Of one server that listens somewhere. */
export function processOf(
  options: object,
  environment: Environment = {},
  changes = {},
): ProcessConfiguration {
  return resolve({ bindPort: 0, ...options }, environment, changes).process;
}

/** Of one server that listens somewhere. */
export function serverOf(options: object, environment: Environment = {}): ServerConfiguration {
  const bound = 'bind' in options ? options : { bindPort: 0, ...options };
  const [server] = resolve(bound, environment).servers;
  if (server === undefined) throw new Error('no server');
  return server;
}

/** The sentences; none if the configuration is fine. */
export function problemsOf(options: unknown, environment: Environment = {}, changes = {}): readonly string[] {
  try {
    resolve(options, environment, changes);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems;
  }
}

/** The sentences about one server that listens somewhere. */
export function complaints(options: object, environment: Environment = {}): readonly string[] {
  return problemsOf('bind' in options ? options : { bindPort: 0, ...options }, environment);
}
