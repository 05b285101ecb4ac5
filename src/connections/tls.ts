/**
 * TLS over accepted sockets. It goes through a `tls.Server` that never listens and gets the sockets by
 * `emit('connection')`: a bare `TLSSocket` would deliver data of clients whose certificate was never verified (measured).
 */
import type { Socket } from 'node:net';
import type { Server, TLSSocket, TlsOptions } from 'node:tls';
import type { TlsConfiguration } from '../configuration.js';
import { UninterruptibleError } from '../errors.js';
import type { Connection, Handshake } from './connection.js';
import { connectionOf } from './connection-of.js';
import type { TlsSecrets } from './tls-secrets.js';

const HANDSHAKE_MILLISECONDS = 30_000;
const NO_CERTIFICATE = 'The client showed no certificate.';

export class TlsTerminator {
  readonly #server: Server;
  readonly #verifies: boolean;

  constructor(configuration: TlsConfiguration, secrets: TlsSecrets) {
    this.#verifies = configuration.verifyClient;
    // Loaded here: who uses no TLS does not wait for it.
    this.#server = process.getBuiltinModule('node:tls').createServer(serverOptions(configuration, secrets));
    this.#server.on('secureConnection', (secured) => this.#secured(secured));
    this.#server.on('tlsClientError', (error, secured) => {
      fail(underlying(secured), whyRefused(error, secured));
    });
  }

  /** Resolves with the secured socket. Rejects with TLS_HANDSHAKE_FAILED or TLS_CLIENT_UNVERIFIED; the socket is destroyed. */
  secure(connection: Connection): Promise<TLSSocket> {
    const { socket } = connection;
    return new Promise((resolve, reject) => {
      if (socket.destroyed) {
        reject(handshakeFailed('The client closed before the handshake.'));
        return;
      }
      connection.handshake = { resolve, reject };
      // Half a connection is no use before the handshake is done: its end is the end.
      socket.allowHalfOpen = false;
      socket.on('close', () => {
        if (connection.handshake === undefined) return;
        // Of a client that it could not verify Node tells after this.
        setImmediate(() => fail(socket, handshakeFailed('The connection closed during the handshake.')));
      });
      this.#server.emit('connection', socket);
    });
  }

  #secured(secured: TLSSocket): void {
    const handshake = takeHandshake(underlying(secured));
    const problem = this.#verifies ? problemOfClient(secured) : undefined;
    if (handshake === undefined || problem !== undefined) {
      secured.destroy();
      handshake?.reject(unverified(problem));
      return;
    }
    secured.allowHalfOpen = true;
    handshake.resolve(secured);
  }
}

function fail(socket: Socket, error: UninterruptibleError): void {
  takeHandshake(socket)?.reject(error);
  socket.destroy();
}

/** Who waits for the end of a handshake; once. */
function takeHandshake(socket: Socket): Handshake | undefined {
  const connection = connectionOf(socket);
  const handshake = connection?.handshake;
  if (connection !== undefined) connection.handshake = undefined;
  return handshake;
}

function serverOptions(configuration: TlsConfiguration, secrets: TlsSecrets): TlsOptions {
  const { key, certificate, minVersion, options, verifyClient, ca } = configuration;
  return {
    handshakeTimeout: HANDSHAKE_MILLISECONDS,
    ticketKeys: secrets.ticketKeys,
    ...options,
    sessionIdContext: sessionIdContext(configuration, secrets),
    key,
    cert: certificate,
    minVersion,
    ...(verifyClient ? { requestCert: true, rejectUnauthorized: true } : {}),
    ...(ca === null ? {} : { ca }),
    // OpenSSL 3 allows SHA-1, which TLS 1.1 needs, at its lowest security level only.
    ...(minVersion === 'TLSv1.1' ? { ciphers: `${options.ciphers ?? defaultCiphers()}:@SECLEVEL=0` } : {}),
  };
}

function defaultCiphers(): string {
  return process.getBuiltinModule('node:tls').DEFAULT_CIPHERS;
}

/**
 * Bound to whom clients are verified against: a resumed session is not verified again, so one that was begun under
 * another CA or another list of revoked certificates must not resume. Node's own default is a digest of argv, which
 * differs between releases (measured).
 */
function sessionIdContext({ verifyClient, ca, options }: TlsConfiguration, secrets: TlsSecrets): string {
  const trusted = JSON.stringify([verifyClient, ca, textOf(options.ca), textOf(options.crl)]);
  const shared = options.sessionIdContext ?? secrets.sessionIdContext;
  const { createHash } = process.getBuiltinModule('node:crypto');
  return createHash('sha256').update(shared).update(trusted).digest('hex').slice(0, 32);
}

function textOf(pem: TlsOptions['ca']): string | null {
  return pem === undefined ? null : String(pem);
}

/** Why this client may not speak; also asked of resumed sessions, whose certificate may have expired since. */
function problemOfClient(secured: TLSSocket): string | undefined {
  if (!secured.authorized) return `The client was not verified: ${String(secured.authorizationError)}.`;
  const certificate = secured.getPeerCertificate();
  if (Object.keys(certificate).length === 0) return NO_CERTIFICATE;
  const now = Date.now();
  if (Date.parse(certificate.valid_to) < now) {
    return `The client's certificate expired ${certificate.valid_to}.`;
  }
  if (Date.parse(certificate.valid_from) > now) {
    return `The client's certificate is not valid before ${certificate.valid_from}.`;
  }
  return undefined;
}

/** The socket a TLSSocket was made over: undocumented, the same from Node 18 to 26, and compared with the real one in tests. */
export function underlying(secured: TLSSocket): Socket {
  return (secured as unknown as { _parent: Socket })._parent;
}

/** The reason of a handshake that Node ended. */
function whyRefused(error: NodeJS.ErrnoException, secured: TLSSocket): UninterruptibleError {
  // Whatever the types say: null, or a string if the certificate was looked at and found wanting.
  const verdict = secured.authorizationError as unknown;
  if (typeof verdict === 'string') return unverified(`The client was not verified: ${verdict}.`, error);
  if (error.code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') return unverified(NO_CERTIFICATE, error);
  return handshakeFailed(error.message, error);
}

function unverified(message?: string, cause?: unknown): UninterruptibleError {
  return new UninterruptibleError(
    'UNINTERRUPTIBLE_TLS_CLIENT_UNVERIFIED',
    message,
    cause === undefined ? {} : { cause },
  );
}

function handshakeFailed(message: string, cause?: unknown): UninterruptibleError {
  return new UninterruptibleError(
    'UNINTERRUPTIBLE_TLS_HANDSHAKE_FAILED',
    message,
    cause === undefined ? {} : { cause },
  );
}
