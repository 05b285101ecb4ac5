import { createSecureContext } from 'node:tls';
import { describe, expect, test } from 'vitest';
import type { TlsVersionName } from '../../src/index.js';
import { Authority } from '../support/authority.js';
import { makePair } from '../support/certificates.js';
import { serving } from '../support/in-process.js';
import { requirement } from '../support/requirements.js';
import { certificateDirectory, converse, exactly, secured, type TlsVersion } from '../support/tls-clients.js';

const VERSIONS: readonly TlsVersion[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];

describe('TLS of a server', { ...requirement('openssl') }, () => {
  const directory = certificateDirectory();
  const root = new Authority(directory, 'root');
  const pair = makePair(directory, 'server');
  const options = { tlsKey: pair.key, tlsCertificate: pair.certificate };

  describe.each<[TlsVersionName | undefined, TlsVersion]>([
    ['TLSv1_1', 'TLSv1.1'],
    [undefined, 'TLSv1.2'],
    ['TLSv1_3', 'TLSv1.3'],
  ])('of tlsVersion %s', (tlsVersion, lowest) => {
    test.each(VERSIONS)('%s is spoken if it is not older', async (version) => {
      const server = await serving(undefined, { ...options, ...(tlsVersion && { tlsVersion }) });
      const outcome = await converse(server.port(), 'hello', exactly(version));
      if (version >= lowest) {
        expect(outcome).toMatchObject({ answer: 'hello', version, error: undefined });
      } else {
        expect(outcome).toMatchObject({ answer: '', version: null });
        expect(outcome.error?.message).toMatch(/alert protocol version/);
        expect(await server.log.entry('connection refused')).toMatchObject({
          level: 'warn',
          facts: { err: { code: 'UNINTERRUPTIBLE_TLS_HANDSHAKE_FAILED' } },
        });
      }
    });
  });

  test('the newest version both speak is chosen', async () => {
    const server = await serving(undefined, { ...options, tlsVersion: 'TLSv1_1' });
    expect(await converse(server.port(), 'hello')).toMatchObject({ version: 'TLSv1.3' });
  });

  test('a chain may stand in one file', async () => {
    const between = new Authority(directory, 'between', root);
    const leaf = between.issue('localhost');
    const server = await serving(undefined, {
      tlsKey: leaf.key,
      tlsCertificate: leaf.cert + between.certificate,
    });
    const trusting = { ca: root.certificate, servername: 'localhost', checkServerIdentity: () => undefined };
    const outcome = await converse(server.port(), 'hello', { ...trusting, rejectUnauthorized: true });
    expect(outcome).toMatchObject({ answer: 'hello', error: undefined });
  });

  test('ALPN and SNI work through tlsOptions', async () => {
    const other = makePair(directory, 'other');
    const server = await serving(undefined, {
      ...options,
      tlsOptions: {
        ALPNProtocols: ['newest', 'older'],
        SNICallback: (name, done) => {
          done(
            null,
            name === 'other.test'
              ? createSecureContext({ key: other.key, cert: other.certificate })
              : undefined,
          );
        },
      },
    });
    const one = await secured(server.port(), { ALPNProtocols: ['older'] });
    expect(one.alpnProtocol).toBe('older');
    expect(one.getPeerCertificate().subject.CN).toBe('server');
    const two = await secured(server.port(), { servername: 'other.test' });
    expect(two.alpnProtocol).toBe(false);
    expect(two.getPeerCertificate().subject.CN).toBe('other');
  });

  test('ciphers of tlsOptions are the only ones', async () => {
    const cipher = 'ECDHE-ECDSA-AES256-GCM-SHA384';
    const server = await serving(undefined, {
      ...options,
      tlsOptions: { ciphers: cipher, maxVersion: 'TLSv1.2' },
    });
    expect((await secured(server.port())).getCipher().name).toBe(cipher);
    const { error } = await converse(server.port(), 'hello', { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' });
    expect(error?.message).toMatch(/alert handshake failure/);
  });

  test.each(['key', 'cert', 'pfx', 'minVersion', 'secureProtocol', 'requestCert', 'rejectUnauthorized'])(
    'tlsOptions cannot bring a %s of its own',
    async (name) => {
      const value = { minVersion: 'TLSv1', requestCert: false, rejectUnauthorized: false }[name] ?? other();
      const starting = serving(undefined, { ...options, tlsOptions: { [name]: value } });
      await expect(starting).rejects.toMatchObject({
        code: 'UNINTERRUPTIBLE_CONFIGURATION_INVALID',
        message: expect.stringContaining(`tlsOptions must not contain ${name}`),
      });
      function other(): string {
        return pair.key;
      }
    },
  );
});
