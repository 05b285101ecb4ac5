/** A server as its service sees it: what it listens on, its connections, and the hooks of the program. */
import type { Socket } from 'node:net';
import type { ServerConfiguration, ServerOptions } from '../configuration.js';
import type { Gate } from '../connections/acceptor.js';
import type { Connection } from '../connections/connection.js';
import type { Tracker } from '../connections/connection-tracker.js';
import type { Refusals } from '../connections/reports.js';
import type { TlsSecrets } from '../connections/tls-secrets.js';
import type { UninterruptibleError } from '../errors.js';
import type { RequestCounts } from '../events.js';
import type { ListenerRecord } from '../handover/protocol.js';
import type { State } from '../lifecycle.js';
import type { ListenAddress } from '../listeners/address.js';
import type { Service } from './service.js';

/** Under this key a server shows itself to its service; not exported from the package. */
export const member: unique symbol = Symbol('member');

export interface Member {
  readonly options: ServerOptions;
  /** Why no client would be served, in a sentence; undefined if the program implements what it must. */
  missingHandler(): string | undefined;
  /** A sentence for each method whose name is that of a hook but for a slip. */
  misspeltHooks(): string[];
  /** Whether it speaks HTTP, and may have the options for it. */
  http: boolean;
  /** undefined where nothing that can be called a request is known. */
  requests?: () => RequestCounts;
  /** Where it listens, as configured; or, given that, on what the predecessor offers. */
  addresses(offered: readonly ListenerRecord[]): readonly ListenAddress[];
  readonly tracker: Tracker;
  /** How many connections were not let in. */
  readonly refusals: Readonly<Refusals>;
  readonly acceptor: Gate;
  /** Called once the configuration is known, before anything is bound. */
  attach(service: Service, configuration: ServerConfiguration): void;
  /** Called before ready: whatever the connections will need. */
  prepare(secrets: TlsSecrets): void;
  /** What clients of its TCP listeners must satisfy, in words; the others are exempt. */
  demands(): readonly string[];
  /** These two give undefined where the program does not define one. */
  warmUp(): (() => Promise<void>) | undefined;
  probe(): ((connect: (listenerName?: string) => Socket) => Promise<void>) | undefined;
  /** Feeds one end of a socket pair through the accept path as a probe. */
  acceptProbe(socket: Socket, listenerName: string | undefined): void;
  onDrain(): Promise<void>;
  onResume(): Promise<void>;
  onStop(): Promise<void>;
  stateChanged(to: State, from: State): void;
  handoverFailed(error: UninterruptibleError): void;
  /** What the program's code for one connection threw. */
  handlerFailed(error: unknown, connection: Connection): void;
}
