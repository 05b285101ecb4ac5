/** TLS clients for tests: what they are told, and what becomes of them. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectRaw } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll } from 'vitest';
import { destroyedAtEnd, within } from './in-process.js';

/** OpenSSL 3 hides TLS 1.1 and older behind this. */
const OLD_CIPHERS = 'DEFAULT:@SECLEVEL=0';

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

/** Speaks exactly this version. */
export function exactly(version: TlsVersion): ConnectionOptions {
  return { minVersion: version, maxVersion: version, ciphers: OLD_CIPHERS };
}

/** A client of 127.0.0.1 that asks no questions, and is gone at the end of the test. */
function tlsClient(port: number, options: ConnectionOptions = {}): TLSSocket {
  const raw = connectRaw(port, '127.0.0.1');
  destroyedAtEnd(raw);
  const socket = connect({ socket: raw, rejectUnauthorized: false, ...options });
  destroyedAtEnd(socket);
  return socket;
}

export interface Outcome {
  /** What came back. */
  answer: string;
  /** Why it ended, if not by itself. */
  error: NodeJS.ErrnoException | undefined;
  /** Whether the client held the session of an earlier connection to be resumed. */
  reused: boolean;
  version: string | null;
  /** The last session this client was given. */
  session: Buffer | undefined;
}

/** Sends a text in the same flight as the end of its handshake, and reads until the answer or the end. */
export async function converse(
  port: number,
  text: string,
  options: ConnectionOptions = {},
): Promise<Outcome> {
  const socket = tlsClient(port, options);
  const outcome: Outcome = { answer: '', error: undefined, reused: false, version: null, session: undefined };
  socket.on('secureConnect', () => {
    outcome.reused = socket.isSessionReused();
    outcome.version = socket.getProtocol();
  });
  socket.on('session', (session: Buffer) => {
    outcome.session = session;
  });
  socket.on('error', (error) => {
    outcome.error = error;
  });
  socket.on('data', (chunk) => {
    outcome.answer += String(chunk);
    if (outcome.answer.length >= text.length) socket.end();
  });
  socket.write(text);
  await within(new Promise((resolve) => socket.once('close', resolve)), 'the end of the conversation');
  return outcome;
}

/** Resolves when the handshake is done. */
export async function secured(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = tlsClient(port, options);
  await within(once(socket, 'secureConnect'), 'the handshake');
  return socket;
}

/** A directory for the certificates of a test file. */
export function certificateDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'certificates-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
