/** The public face of the package. */
export type {
  Logger,
  LogLevel,
  LogLevelName,
  LogMethod,
  ServerOptions,
  TlsVersionName,
} from './configuration.js';
export type { ConnectionContext, ListenerInfo } from './connections/connection.js';
export type {
  Coverage,
  Operation,
  ProcessFacts,
  ProtocolEvent,
  StateEvent,
  StepEvent,
  StepFacts,
  StepName,
  TracedFacts,
} from './diagnostics.js';
export { ConfigurationError, type ErrorCode, type ErrorExtras, UninterruptibleError } from './errors.js';
export type {
  ConnectionCounts,
  DrainingProcess,
  FailureReason,
  LastHandover,
  RequestCounts,
  RestartResult,
  RestartUnderWay,
  ServerEvents,
  Status,
} from './events.js';
export type { State } from './lifecycle.js';
export { run } from './run.js';
export { type Connect, type ConnectionEvent, Server } from './server.js';
