import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Authority } from '../support/authority.js';
import { makePair } from '../support/certificates.js';
import { echo, serving, type TestServer, temporaryDirectory, within } from '../support/in-process.js';
import { requirement } from '../support/requirements.js';
import { certificateDirectory, converse, exactly, type Outcome } from '../support/tls-clients.js';

describe('a TLS session', { ...requirement('addon', 'openssl') }, () => {
  const directory = certificateDirectory();
  const pair = makePair(directory, 'server');
  const renewed = makePair(directory, 'renewed');
  const [one, other] = [new Authority(directory, 'one'), new Authority(directory, 'other')];
  const client = one.issue('client');
  const plain = { tlsKey: pair.key, tlsCertificate: pair.certificate };
  const wanting = { ...plain, clientTlsCertificateCa: one.path };

  /** Begins a session with one generation and brings it to the next. */
  async function acrossGenerations(
    before: object,
    after: object,
    options: Parameters<typeof converse>[2],
  ): Promise<Outcome> {
    const controlPath = join(temporaryDirectory(), 'control');
    const generation = (more: object): Promise<TestServer> => serving(echo, { controlPath, ...more });
    const first = await generation(before);
    const { session } = await converse(first.port(), 'first', options);
    expect(session).toBeDefined();
    const second = await generation(after);
    await within(first.stopped, 'the old one to leave');
    return converse(second.port(), 'second', { ...options, session: session! });
  }

  describe.each(['TLSv1.2', 'TLSv1.3'] as const)('of %s', (version) => {
    const exact = exactly(version);

    test.each<[string, object]>([
      ['', plain],
      [', also with a renewed certificate', { tlsKey: renewed.key, tlsCertificate: renewed.certificate }],
      [', also after a change of tlsOptions', { ...plain, tlsOptions: { handshakeTimeout: 1_000 } }],
    ])('resumes in the next generation%s', async (_, after) => {
      expect(await acrossGenerations(plain, after, exact)).toMatchObject({ answer: 'second', reused: true });
    });

    test('with a client certificate resumes in the next generation', async () => {
      const outcome = await acrossGenerations(wanting, wanting, { ...exact, ...client });
      expect(outcome).toMatchObject({ answer: 'second', reused: true });
    });

    test.each<[string, object, object]>([
      ['another authority', wanting, { ...plain, clientTlsCertificateCa: other.path }],
      ['one where there was none', plain, wanting],
      [
        'another authority, although the program names the context itself',
        { ...wanting, tlsOptions: { sessionIdContext: 'mine' } },
        { ...plain, clientTlsCertificateCa: other.path, tlsOptions: { sessionIdContext: 'mine' } },
      ],
    ])('does not resume under %s', async (_, before, after) => {
      const outcome = await acrossGenerations(before, after, { ...exact, ...client });
      expect(outcome.reused).toBe(false);
      expect(outcome.answer).toBe('clientTlsCertificateCa' in before ? '' : 'second');
    });

    test('does not resume at a server that is none of its generations', async () => {
      const [first, stranger] = [await serving(echo, plain), await serving(echo, plain)];
      const { session } = await converse(first.port(), 'first', exact);
      expect(await converse(stranger.port(), 'second', { ...exact, session: session! })).toMatchObject({
        answer: 'second',
        reused: false,
      });
    });
  });
});
