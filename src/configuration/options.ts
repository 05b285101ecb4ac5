/** What users may configure, and what it becomes: types only. Defaults and checks are in `configuration.ts`. */
import type { ServerOptions as NodeHttpOptions } from 'node:http';
import type { TlsOptions } from 'node:tls';
import type { ListenAddress } from '../listeners/address.js';

/** From the most to the least talkative. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** A log level as it may be written: ours, or the gem's names in capitals (`UNKNOWN` is `silent`). */
export type LogLevelName = LogLevel | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL' | 'UNKNOWN';

/** The lowest TLS version to speak, as the gem or as Node writes it. */
export type TlsVersionName = 'TLSv1_1' | 'TLSv1_2' | 'TLSv1_3' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

/** One method of a {@link Logger}. */
export interface LogMethod {
  (message: string): void;
  (facts: object, message?: string): void;
}

/**
 * Any object with these methods of pino's, `console` for one. Each is called as a method of it, with an object of facts and a
 * text; what it throws is dropped.
 */
export interface Logger {
  /** States, connections and other details. Not called if the logger's own `isLevelEnabled('debug')` is false. */
  debug: LogMethod;
  /** The steps of starts, hand-overs and stops. */
  info: LogMethod;
  /** What works less well than it could, and clients that were refused. */
  warn: LogMethod;
  /** What failed while the server serves on, or why it could not start. */
  error: LogMethod;
  /** Called before the process ends, with a callback if it takes one; the end waits for a second at most. */
  flush?(callback: (error?: Error | null) => void): unknown;
  /** Pino has it; the library never calls it. */
  trace?: LogMethod;
  /** Pino has it; the library never calls it. */
  fatal?: LogMethod;
}

/**
 * Every option. An explicit value wins over the environment, which wins over the default; `undefined` and an empty
 * variable count as not given, and `null` says "none" where that is possible, whatever the environment says.
 *
 * Durations are milliseconds here, and need a unit in the environment (`500ms`, `30s`, `2m`, `1h`).
 */
export interface ServerOptions {
  /**
   * How the next version of this program is started. A string is run by `/bin/sh`, an array of words without a shell.
   * Belongs to the process: with several servers, give it to any one of them.
   *
   * @defaultValue none; required by `run()`
   */
  startCommand?: string | readonly string[] | null | undefined;

  /**
   * Where to listen, one address or several: `tcp://host:port`, `tcp://[::1]:port`, `unix:///path` or `unix:@abstract`,
   * each with `?name=api&mode=0660&backlog=1024&ipv6only=1` as needed.
   *
   * @defaultValue `tcp://<bindAddress>:<bindPort>`
   */
  bind?: string | readonly string[] | undefined;

  /**
   * The IP address or host name to listen on. Not together with `bind`.
   *
   * @defaultValue `'0.0.0.0'`
   */
  bindAddress?: string | undefined;

  /**
   * The TCP port to listen on, 0 to 65535. 0 lets the kernel choose, and the choice survives restarts. Not together with
   * `bind`. Environment: `PORT`, ignored if `bind` is given.
   *
   * @defaultValue none; required unless `bind` is given
   */
  bindPort?: number | undefined;

  /**
   * A file that holds the pid of the owner: replaced by rename when this process becomes the owner, removed at the final
   * stop. Environment: `PID_FILE`. Belongs to the process.
   *
   * @defaultValue `null` (no pid file)
   */
  pidfilePath?: string | null | undefined;

  /**
   * The file log lines are appended to, in a directory that exists; reopened on SIGHUP. Not together with `logger`. Environment: `LOG_PATH`, ignored
   * if `logger` is given. Belongs to the process.
   *
   * @defaultValue `null` (stdout)
   */
  logPath?: string | null | undefined;

  /**
   * The least severe level that is logged. Environment: `LOG_LEVEL`. Without effect on a `logger` of your own. Belongs to
   * the process.
   *
   * @defaultValue `'info'`
   */
  logLevel?: LogLevelName | undefined;

  /**
   * An object with pino's methods `debug`, `info`, `warn` and `error`, to be used instead of pino, which is not loaded
   * then. Belongs to the process.
   *
   * @defaultValue `null` (pino)
   */
  logger?: Logger | null | undefined;

  /**
   * The private key: PEM text or a Buffer with it, never a path. Environment: `TLS_KEY`, which *is* a path. Needs
   * `tlsCertificate`. Applies to the TCP listeners.
   *
   * @defaultValue `null` (no TLS)
   */
  tlsKey?: string | Uint8Array | null | undefined;

  /**
   * The certificate, first the server's own, then the rest of its chain: PEM text or a Buffer with it, never a path.
   * Environment: `TLS_CERTIFICATE`, which *is* a path. Needs `tlsKey`.
   *
   * @defaultValue `null` (no TLS)
   */
  tlsCertificate?: string | Uint8Array | null | undefined;

  /**
   * The lowest TLS version spoken; newer ones are negotiated. Environment: `TLS_VERSION`.
   *
   * @defaultValue `'TLSv1_2'`
   */
  tlsVersion?: TlsVersionName | undefined;

  /**
   * Anything else that `tls.createServer` takes (ciphers, ALPN, SNI, a passphrase), except what has an option of its own
   * here.
   *
   * @defaultValue `null`
   */
  tlsOptions?: TlsOptions | null | undefined;

  /**
   * Whether clients must show a certificate that our CA signed. Needs `clientTlsCertificateCa` (or `tlsOptions.ca`): the
   * public roots are never trusted. Environment: `VERIFY_CLIENT_TLS_CERTIFICATE`, any value but `false` and `0`.
   *
   * @defaultValue `false`, or `true` if `clientTlsCertificateCa` is given
   */
  verifyClientTlsCertificate?: boolean | undefined;

  /**
   * Path of a PEM file with the CA certificates that clients' certificates are checked against; implies
   * `verifyClientTlsCertificate`. Environment: `CLIENT_TLS_CERTIFICATE_CA`.
   *
   * @defaultValue `null`
   */
  clientTlsCertificateCa?: string | null | undefined;

  /**
   * Networks that clients of TCP listeners may come from, in CIDR form; host bits may be set (`127.0.0.1/8`), and a bare
   * address means itself. Environment: `ALLOWED_NETWORKS`, separated by commas.
   *
   * @defaultValue `null` (all)
   */
  allowedNetworks?: readonly string[] | null | undefined;

  /**
   * The directory `startCommand` runs in. Resolved anew at each restart, so that a `current` symlink leads to the new
   * release. Environment: `APP_ROOT`. Belongs to the process.
   *
   * @defaultValue `$PWD` if it names the directory the process was started in, else that directory
   */
  workingDirectory?: string | undefined;

  /**
   * The path of the control socket. Set it to let processes that were not started by this one take over. Environment:
   * `CONTROL_PATH`. Belongs to the process.
   *
   * @defaultValue `null` (a private path per process)
   */
  controlPath?: string | null | undefined;

  /**
   * The signal that starts a restart, or `null` for none. Not SIGTERM, SIGINT, SIGKILL or SIGSTOP, nor SIGHUP together with
   * `logPath`, nor one the kernel sends for reasons of its own. Belongs to the process.
   *
   * @defaultValue `'SIGUSR1'`
   */
  restartSignal?: NodeJS.Signals | null | undefined;

  /**
   * How many connections may be open at once, 1 or more; the rest waits in the kernel's queue.
   *
   * @defaultValue `null` (no limit)
   */
  maxConnections?: number | null | undefined;

  /**
   * Milliseconds within which the new process must be ready, more than 0; then it is killed. Environment:
   * `READY_TIMEOUT`. Belongs to the process.
   *
   * @defaultValue `60_000`
   */
  readyTimeout?: number | undefined;

  /**
   * Milliseconds after which a draining process destroys the connections that remain, and exits. Environment:
   * `DRAIN_TIMEOUT`. Belongs to the process.
   *
   * @defaultValue `null` (no limit; a warning once an hour)
   */
  drainTimeout?: number | null | undefined;

  /**
   * Milliseconds the old process stays behind at least, able to serve again, even when it has drained. Environment:
   * `ROLLBACK_WINDOW`. Belongs to the process.
   *
   * @defaultValue `0` (leaves as soon as it has drained)
   */
  rollbackWindow?: number | undefined;

  /**
   * How many processes of earlier generations may drain at once, 1 or more: when there are more, the oldest is told that its
   * deadline is now. Belongs to the process.
   *
   * @defaultValue `null` (no limit)
   */
  maxDraining?: number | null | undefined;

  /**
   * Milliseconds between the order to stop and the end of accepting, in which whoever looks (`readiness`, the event
   * `stopping`) is told that this process wants no new work: load balancers need that long to notice. Not used in a
   * hand-over. Environment: `SHUTDOWN_DELAY`. Belongs to the process.
   *
   * @defaultValue `0`
   */
  shutdownDelay?: number | undefined;
}

/** What an `HttpServer` takes beside the options of every server. */
export interface HttpServerOptions extends ServerOptions {
  /**
   * Whether HTTP/2 is spoken beside HTTP/1.1: negotiated (ALPN) with TLS, by prior knowledge in cleartext. Without effect on a
   * server of Node's that you give; make that one with `node:http2`.
   *
   * @defaultValue `false`
   */
  http2?: boolean | undefined;

  /**
   * What `http.createServer` takes: `keepAliveTimeout`, `headersTimeout`, `requestTimeout`, `maxHeaderSize`, … Without effect
   * on a server of Node's that you give.
   *
   * @defaultValue `null` (Node's defaults)
   */
  httpOptions?: NodeHttpOptions | null | undefined;

  /**
   * A path that is answered without the program: 200, or 503 once this process has been told to stop for good or
   * `isReady()` says no. A hand-over does not count: the service is ready all the time.
   *
   * @defaultValue `null` (none)
   */
  readiness?: string | null | undefined;
}

/** What `resolveConfiguration` must know about the process. */
export interface ConfigurationContext {
  /** The working directory when the process started; absolute. */
  startedIn: string;
  /** The command this process was started with, as words: what a missing `startCommand` is proposed from. */
  commandLine: readonly string[];
  /** `run` needs a `startCommand`, `start` does not. */
  mode: 'run' | 'start';
  /** What is wrong with the servers beside their options: told with the rest. */
  flaws?: readonly string[];
  /** Which of the servers speak HTTP; none if it is left out. */
  http?: readonly boolean[];
}

/** The options that belong to the process, checked and complete. Frozen. */
export interface ProcessConfiguration {
  readonly startCommand: string | readonly string[] | null;
  /** Absolute; symbolic links in it are not resolved. */
  readonly workingDirectory: string;
  /** Absolute. */
  readonly controlPath: string | null;
  /** Absolute. */
  readonly pidfilePath: string | null;
  /** Absolute. */
  readonly logPath: string | null;
  readonly logLevel: LogLevel;
  readonly logger: Logger | null;
  readonly restartSignal: NodeJS.Signals | null;
  /** Milliseconds. */
  readonly readyTimeout: number;
  /** Milliseconds. */
  readonly drainTimeout: number | null;
  /** Milliseconds. */
  readonly rollbackWindow: number;
  readonly maxDraining: number | null;
  /** Milliseconds. */
  readonly shutdownDelay: number;
}

/** TLS of one server: material that has been read, parsed and found to fit together. Frozen. */
export interface TlsConfiguration {
  /** PEM text. A secret: never logged. */
  readonly key: string;
  /** PEM text: the certificate, then its chain. */
  readonly certificate: string;
  readonly minVersion: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  /** The rest, for `tls.createServer`; none of it contradicts the other fields. */
  readonly options: TlsOptions;
  readonly verifyClient: boolean;
  /** PEM text of the CA that clients are verified against. If null although they are verified, `options.ca` has it. */
  readonly ca: string | null;
}

/** HTTP on one server. Frozen. */
export interface HttpConfiguration {
  readonly http2: boolean;
  /** For `http.createServer`. */
  readonly httpOptions: NodeHttpOptions;
  /** A path, or null for none. */
  readonly readiness: string | null;
}

/** The options of one server, checked and complete. Frozen. */
export interface ServerConfiguration {
  /** At least one. */
  readonly listeners: readonly ListenAddress[];
  readonly tls: TlsConfiguration | null;
  /** CIDRs; null allows everybody. */
  readonly allowedNetworks: readonly string[] | null;
  readonly maxConnections: number | null;
  /** Null for a server that does not speak HTTP. */
  readonly http: HttpConfiguration | null;
}

/** What {@link resolveConfiguration} returns. Frozen. */
export interface ResolvedConfiguration {
  readonly process: ProcessConfiguration;
  /** One for each element of the list of options, in its order. */
  readonly servers: readonly ServerConfiguration[];
}
