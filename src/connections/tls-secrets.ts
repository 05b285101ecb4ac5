/** The secrets all generations share. Apart from `tls.ts`, because every start needs them and few need node:tls. */
import { randomBytes } from '../process/random.js';

const TICKET_KEY_BYTES = 48;

/** What lets a session begun in one generation resume in the next. Secrets: never logged, never in the environment. */
export interface TlsSecrets {
  readonly ticketKeys: Buffer;
  readonly sessionIdContext: string;
}

export function createTlsSecrets(): TlsSecrets {
  return {
    ticketKeys: randomBytes(TICKET_KEY_BYTES),
    sessionIdContext: randomBytes(TICKET_KEY_BYTES).toString('base64'),
  };
}

/** What a predecessor handed over, if it is of use. */
export function readTlsSecrets(ticketKeys?: string, sessionIdContext?: string): TlsSecrets | undefined {
  if (ticketKeys === undefined || sessionIdContext === undefined) return undefined;
  const keys = Buffer.from(ticketKeys, 'base64');
  return keys.length === TICKET_KEY_BYTES ? { ticketKeys: keys, sessionIdContext } : undefined;
}
