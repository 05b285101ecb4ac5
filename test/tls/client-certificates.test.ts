import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Authority } from '../support/authority.js';
import { makePair } from '../support/certificates.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { echo, serving, type TestServer } from '../support/in-process.js';
import { requirement } from '../support/requirements.js';
import { certificateDirectory, converse, exactly } from '../support/tls-clients.js';

const DAY = 86_400_000;
/** Sent with the last message of the handshake, so that it is there before the certificate is judged. */
const SECRET = 'give me the secret';

expectNoDescriptorLeak();
afterEach(() => {
  vi.restoreAllMocks();
});

describe('a client certificate', { ...requirement('openssl') }, () => {
  const directory = certificateDirectory();
  const pair = makePair(directory, 'server');
  const ours = new Authority(directory, 'ours');
  const theirs = new Authority(directory, 'theirs');
  const good = ours.issue('good');

  /** A server that wants one, and everything its handler was told. */
  async function demanding(options = {}): Promise<{ server: TestServer; heard: string[] }> {
    const heard: string[] = [];
    const hear = async (socket: Socket): Promise<void> => {
      heard.push('connection');
      socket.on('data', (chunk) => heard.push(String(chunk)));
      await echo(socket);
    };
    const tls = { tlsKey: pair.key, tlsCertificate: pair.certificate, clientTlsCertificateCa: ours.path };
    return { server: await serving(hear, { ...tls, ...options }), heard };
  }

  async function expectRefused(
    server: TestServer,
    heard: readonly string[],
    client: ConnectionOptions,
    reason: RegExp,
  ): Promise<void> {
    expect((await converse(server.port(), SECRET, client)).answer).toBe('');
    expect(await server.log.entry('connection refused')).toMatchObject({
      level: 'warn',
      facts: {
        err: {
          code: 'UNINTERRUPTIBLE_TLS_CLIENT_UNVERIFIED',
          message: expect.stringMatching(reason),
        },
      },
    });
    expect(heard).toEqual([]);
  }

  describe.each(['TLSv1.2', 'TLSv1.3'] as const)('over %s', (version) => {
    const exact = exactly(version);

    test('that we signed lets data in', async () => {
      const { server, heard } = await demanding();
      expect(await converse(server.port(), SECRET, { ...exact, ...good })).toMatchObject({ answer: SECRET });
      expect(heard).toEqual(['connection', SECRET]);
    });

    test.each<[string, () => ConnectionOptions, RegExp]>([
      ['is missing', () => ({}), /showed no certificate/],
      ['somebody else signed', () => theirs.issue('good'), /UNABLE_TO|SELF_SIGNED/],
      ['signed itself', () => selfSigned(), /SELF_SIGNED/],
      ['has expired', () => ours.issue('old', { to: Date.now() - 1_000 }), /CERT_HAS_EXPIRED/],
      ['is not valid yet', () => ours.issue('early', { from: Date.now() + DAY / 2 }), /CERT_NOT_YET_VALID/],
    ])('that %s keeps data out', async (_, certificate, reason) => {
      const { server, heard } = await demanding();
      await expectRefused(server, heard, { ...exact, ...certificate() }, reason);
    });

    test('that expired after its session began keeps data out', async () => {
      const { server, heard } = await demanding();
      const first = await converse(server.port(), 'early', { ...exact, ...good });
      const again = { ...exact, ...good, session: first.session! };
      expect(await converse(server.port(), 'again', again)).toMatchObject({ answer: 'again', reused: true });
      heard.length = 0;
      vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 2 * DAY);
      await expectRefused(server, heard, again, /expired/);
    });

    test('is not made up for by a session without one', async () => {
      const open = await serving(echo, { tlsKey: pair.key, tlsCertificate: pair.certificate });
      const { session } = await converse(open.port(), 'hello', exact);
      const { server, heard } = await demanding();
      await expectRefused(server, heard, { ...exact, session: session! }, /showed no certificate/);
    });
  });

  test('may be checked against an authority given as text', async () => {
    const { server } = await demanding({
      clientTlsCertificateCa: null,
      verifyClientTlsCertificate: true,
      tlsOptions: { ca: ours.certificate },
    });
    expect(await converse(server.port(), 'hello', good)).toMatchObject({ answer: 'hello' });
    expect(await converse(server.port(), 'hello', theirs.issue('stranger'))).toMatchObject({ answer: '' });
  });

  test('cannot be checked by contexts of an SNICallback: without authorities of their own they trust the public roots', async () => {
    await expect(demanding({ tlsOptions: { SNICallback: () => undefined } })).rejects.toMatchObject({
      code: 'UNINTERRUPTIBLE_CONFIGURATION_INVALID',
      message: expect.stringContaining('tlsOptions.SNICallback cannot be combined with verified clients'),
    });
  });

  test('is not asked for unless it is wanted', async () => {
    const server = await serving(
      async (socket) => {
        socket.write(String('authorized' in socket && socket.authorized));
      },
      { tlsKey: pair.key, tlsCertificate: pair.certificate },
    );
    expect(await converse(server.port(), 'hello', good)).toMatchObject({ answer: 'false' });
  });

  function selfSigned(): ConnectionOptions {
    const { key, certificate } = makePair(directory, 'self');
    return { key, cert: certificate };
  }
});
