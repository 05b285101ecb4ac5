/** Who may speak to the handlers of a server: the allow-list first, by the listener's family, then TLS. */
import type { Socket } from 'node:net';
import type { ServerConfiguration } from '../configuration.js';
import { UninterruptibleError } from '../errors.js';
import { type AllowList, createAllowList } from '../listeners/allow-list.js';
import type { Connection } from './connection.js';
import type { ConnectionTracker } from './connection-tracker.js';
import { TlsTerminator } from './tls.js';
import type { TlsSecrets } from './tls-secrets.js';

export class Admission {
  readonly #tracker: ConnectionTracker;
  readonly #allowList: AllowList | undefined;
  readonly #tls: TlsTerminator | undefined;

  constructor(
    { allowedNetworks, tls }: ServerConfiguration,
    secrets: TlsSecrets,
    tracker: ConnectionTracker,
  ) {
    this.#tracker = tracker;
    this.#allowList = allowedNetworks === null ? undefined : createAllowList(allowedNetworks);
    this.#tls = tls === null ? undefined : new TlsTerminator(tls, secrets);
  }

  /** The options it stands for, as far as they are used. */
  get demands(): readonly string[] {
    return [
      ...(this.#tls === undefined ? [] : ['TLS']),
      ...(this.#allowList === undefined ? [] : ['allowedNetworks']),
    ];
  }

  /** Whether connections of this kind are let through as they are. The probe is known by identity, not by its address. */
  isOpenTo({ probe, listener }: Connection): boolean {
    return probe || listener.kind === 'unix' || (this.#allowList === undefined && this.#tls === undefined);
  }

  /** Resolves with the socket to speak over. Rejects with CONNECTION_ADDRESS_REFUSED or TLS_…; the socket is destroyed. */
  async admit(socket: Socket, connection: Connection): Promise<Socket> {
    // A client that sent and reset before we accepted has no address any more (measured): it is refused like a stranger.
    if (this.#allowList?.allows(socket.remoteAddress) === false) {
      const from = socket.remoteAddress ?? 'unknown';
      socket.destroy();
      throw new UninterruptibleError(
        'UNINTERRUPTIBLE_CONNECTION_ADDRESS_REFUSED',
        `${from} is not allowed.`,
        {
          details: { address: from },
        },
      );
    }
    if (this.#tls === undefined) return socket;
    const secured = await this.#tls.secure(connection);
    this.#tracker.alias(secured, connection);
    return secured;
  }
}
