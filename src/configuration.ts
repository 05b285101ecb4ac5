/**
 * Options in, one frozen configuration out, or one error that lists every problem. Every default is here. Nothing is bound,
 * written or spawned: what is touched outside is the TLS files, which are read, and directories, which are looked at.
 */

import { isTcp, refuseDuplicateAddresses, refuseSharedPaths } from './configuration/conflicts.js';
import {
  environmentNames,
  GivenOptions,
  type OptionName,
  Problems,
  print,
  readOptions,
} from './configuration/given.js';
import { readHttp, withProtocols } from './configuration/http.js';
import { readLimit } from './configuration/limits.js';
import type {
  ConfigurationContext,
  LogLevel,
  ResolvedConfiguration,
  ServerConfiguration,
  ServerOptions,
  TlsVersionName,
} from './configuration/options.js';
import { mergeProcessOptions, resolveProcess } from './configuration/process.js';
import { readAllowedNetworks, readListeners } from './configuration/server.js';
import { resolveTls } from './configuration/tls.js';
import { ConfigurationError } from './errors.js';

export type {
  ConfigurationContext,
  HttpConfiguration,
  HttpServerOptions,
  Logger,
  LogLevel,
  LogLevelName,
  LogMethod,
  ProcessConfiguration,
  ResolvedConfiguration,
  ServerConfiguration,
  ServerOptions,
  TlsConfiguration,
  TlsVersionName,
} from './configuration/options.js';
export { environmentNames };

/** What each option is when neither the code nor the environment says. */
export interface ConfigurationDefaults {
  readonly startCommand: null;
  /** Undefined: made of `bindAddress` and `bindPort`. */
  readonly bind: undefined;
  readonly bindAddress: string;
  /** Undefined: required, unless `bind` is given. */
  readonly bindPort: undefined;
  readonly pidfilePath: null;
  readonly logPath: null;
  readonly logLevel: LogLevel;
  readonly logger: null;
  readonly tlsKey: null;
  readonly tlsCertificate: null;
  readonly tlsVersion: TlsVersionName;
  readonly tlsOptions: null;
  readonly verifyClientTlsCertificate: boolean;
  readonly clientTlsCertificateCa: null;
  readonly allowedNetworks: null;
  /** Undefined: `$PWD` or the directory the process was started in. */
  readonly workingDirectory: undefined;
  readonly controlPath: null;
  readonly restartSignal: NodeJS.Signals;
  readonly maxConnections: null;
  readonly readyTimeout: number;
  readonly drainTimeout: null;
  readonly rollbackWindow: number;
  readonly maxDraining: null;
  readonly shutdownDelay: number;
  readonly http2: boolean;
  readonly httpOptions: null;
  readonly readiness: null;
}

/** Every option with its default, in the order of the documentation. */
export const configurationDefaults: ConfigurationDefaults = Object.freeze({
  startCommand: null,
  bind: undefined,
  bindAddress: '0.0.0.0',
  bindPort: undefined,
  pidfilePath: null,
  logPath: null,
  logLevel: 'info',
  logger: null,
  tlsKey: null,
  tlsCertificate: null,
  tlsVersion: 'TLSv1_2',
  tlsOptions: null,
  verifyClientTlsCertificate: false,
  clientTlsCertificateCa: null,
  allowedNetworks: null,
  workingDirectory: undefined,
  controlPath: null,
  restartSignal: 'SIGUSR1',
  maxConnections: null,
  readyTimeout: 60_000,
  drainTimeout: null,
  rollbackWindow: 0,
  maxDraining: null,
  shutdownDelay: 0,
  http2: false,
  httpOptions: null,
  readiness: null,
} satisfies ConfigurationDefaults & Record<OptionName, unknown>);

const knownOptions = Object.keys(configurationDefaults) as OptionName[];

/**
 * Makes the configuration of a process from the options of its servers.
 *
 * @throws ConfigurationError that lists every problem of every server.
 */
export function resolveConfiguration(
  optionsList: readonly ServerOptions[],
  environment: Readonly<Record<string, string | undefined>>,
  context: ConfigurationContext,
): ResolvedConfiguration {
  const problems = new Problems();
  for (const flaw of context.flaws ?? []) problems.add(flaw);
  if (optionsList.length === 0) problems.add('There must be at least one server.');
  const drafts = optionsList.map((options, index) => {
    const place = optionsList.length === 1 ? '' : ` of server ${index + 1}`;
    const given = new GivenOptions(readOptions(options, place, knownOptions, problems), environment, place);
    return { given, listeners: readListeners(given, configurationDefaults.bindAddress, problems) };
  });

  const merged = mergeProcessOptions(
    drafts.map(({ given }) => given),
    problems,
  );
  const processConfiguration = resolveProcess(
    new GivenOptions(merged, environment, ''),
    configurationDefaults,
    context,
    environment['PWD'],
    problems,
  );

  const servers = drafts.map((draft, index): ServerConfiguration => {
    const { given, listeners } = draft;
    const http = readHttp(given, context.http?.[index] === true, problems);
    const surroundings = {
      hasTcpListener: listeners?.some(isTcp),
      othersHaveTcpListener: drafts.some(
        (other) => other !== draft && other.listeners?.some(isTcp) !== false,
      ),
      startedIn: context.startedIn,
      defaultVersion: configurationDefaults.tlsVersion,
    };
    return Object.freeze({
      listeners: listeners ?? [],
      tls: withProtocols(resolveTls(given, surroundings, problems), http),
      allowedNetworks: readAllowedNetworks(given, surroundings, problems),
      maxConnections: readLimit(given, 'maxConnections', configurationDefaults.maxConnections, problems),
      http,
    });
  });

  refuseDuplicateAddresses(servers, problems);
  refuseSharedPaths(processConfiguration, servers, problems);
  problems.throwIfAny();
  return Object.freeze({ process: processConfiguration, servers: Object.freeze(servers) });
}

/**
 * Writes a change into a draft of options: the properties of an object, or whatever a function does to the draft and those of
 * an object it returns. Nothing is checked before {@link resolveConfiguration}.
 *
 * @throws ConfigurationError if the change is neither, or a promise of one (it would come too late).
 */
export function amendOptions(
  draft: ServerOptions,
  change: ServerOptions | ((options: ServerOptions) => void),
): void {
  if (typeof change !== 'function') {
    if (isPromise(change)) refusePromise(change, 'an object of options, not a promise of one');
    if (!isOptions(change)) {
      throw new ConfigurationError([
        `configure() takes an object of options or a function, not ${print(change)}.`,
      ]);
    }
    Object.assign(draft, change);
    return;
  }
  const apply: (options: ServerOptions) => unknown = change;
  const result = apply(draft);
  if (typeof result !== 'object' || result === null) return;
  // `(options) => (options.logger = logger)` returns what it has just written, and `Object.assign` the draft.
  if (result === draft || Object.values(draft).includes(result)) return;
  if (isPromise(result)) refusePromise(result, 'a function that is not async');
  if (!isOptions(result)) {
    throw new ConfigurationError([
      `configure() takes a function that returns nothing or an object of options, not ${print(result)}.`,
    ]);
  }
  Object.assign(draft, result);
}

function isOptions(value: unknown): value is ServerOptions {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null)?.then === 'function';
}

function refusePromise(promise: PromiseLike<unknown>, accepted: string): never {
  promise.then(undefined, () => {}); // What is thrown here says enough.
  throw new ConfigurationError([`configure() takes ${accepted}: await what you need before the call.`]);
}
