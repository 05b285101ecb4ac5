/** What was given for each option, by whom, and how it is called in a sentence; and the list of what is wrong with it. */
import { ConfigurationError } from '../errors.js';
import { nearest } from './nearest.js';
import type { HttpServerOptions } from './options.js';

export type OptionName = keyof HttpServerOptions;

/** The variable that stands in for an option, for those that have one. */
export const environmentNames: Readonly<Partial<Record<OptionName, string>>> = Object.freeze({
  bindPort: 'PORT',
  pidfilePath: 'PID_FILE',
  logPath: 'LOG_PATH',
  logLevel: 'LOG_LEVEL',
  tlsKey: 'TLS_KEY',
  tlsCertificate: 'TLS_CERTIFICATE',
  tlsVersion: 'TLS_VERSION',
  verifyClientTlsCertificate: 'VERIFY_CLIENT_TLS_CERTIFICATE',
  clientTlsCertificateCa: 'CLIENT_TLS_CERTIFICATE_CA',
  allowedNetworks: 'ALLOWED_NETWORKS',
  workingDirectory: 'APP_ROOT',
  controlPath: 'CONTROL_PATH',
  readyTimeout: 'READY_TIMEOUT',
  drainTimeout: 'DRAIN_TIMEOUT',
  rollbackWindow: 'ROLLBACK_WINDOW',
  shutdownDelay: 'SHUTDOWN_DELAY',
});

/** Sentences, each once. */
export class Problems {
  readonly #sentences = new Set<string>();

  add(sentence: string): void {
    this.#sentences.add(sentence);
  }

  /** Runs a parser that throws `ConfigurationError`; undefined if it did, with the problems taken over. */
  collect<T>(parse: () => T, rephrase: (problem: string) => string): T | undefined {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      for (const problem of error.problems) this.add(rephrase(problem));
      return undefined;
    }
  }

  throwIfAny(): void {
    if (this.#sentences.size > 0) throw new ConfigurationError([...this.#sentences]);
  }
}

/** A value that somebody gave. From the environment it is a string that is not empty. */
export type Given =
  | { readonly label: string; readonly value: unknown; readonly explicit: true }
  | { readonly label: string; readonly value: string; readonly explicit: false };

/** The options of one server, or of the process, over the environment. */
export class GivenOptions {
  readonly #explicit: ReadonlyMap<string, unknown>;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  /** For sentences: `''`, or ` of server 2`. */
  readonly place: string;

  constructor(
    explicit: ReadonlyMap<string, unknown>,
    environment: Readonly<Record<string, string | undefined>>,
    place: string,
  ) {
    this.#explicit = explicit;
    this.#environment = environment;
    this.place = place;
  }

  /** What the code says; null counts, undefined does not. */
  explicit(option: OptionName): Given | undefined {
    const value = this.#explicit.get(option);
    return value === undefined ? undefined : { label: `${option}${this.place}`, value, explicit: true };
  }

  /** What the code says, else what the environment says. */
  get(option: OptionName): Given | undefined {
    return this.explicit(option) ?? this.#fromEnvironment(option);
  }

  #fromEnvironment(option: OptionName): Given | undefined {
    const name = environmentNames[option];
    // Trimmed, because .env files with Windows line ends leave a carriage return behind.
    const value = name === undefined ? undefined : this.#environment[name]?.trim();
    return value === undefined || value === ''
      ? undefined
      : { label: `${name} (${option})`, value, explicit: false };
  }
}

/** Reads each key of the options once, so that a getter cannot give two answers, and reports keys that are no options. */
export function readOptions(
  options: unknown,
  place: string,
  known: readonly OptionName[],
  problems: Problems,
): ReadonlyMap<string, unknown> {
  const values = new Map<string, unknown>();
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    problems.add(`The options${place} must be an object, not ${print(options)}.`);
    return values;
  }
  for (const [key, value] of Object.entries(options)) {
    if (known.some((option) => option === key)) {
      values.set(key, value);
      continue;
    }
    const proposal = nearest(key, known);
    problems.add(
      `There is no option ${print(key)}${place}; ${proposal === undefined ? `known are ${known.join(', ')}.` : `did you mean ${proposal}?`}`,
    );
  }
  return values;
}

/** A value as it may stand in a sentence: short, and never the inside of an object. */
export function print(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 100 ? `${value.slice(0, 99)}…` : value);
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? 'an array' : 'an object';
    case 'function':
      return 'a function';
    case 'symbol':
      return 'a symbol';
    case 'bigint':
      return `${value}n`;
    default:
      return String(value);
  }
}
