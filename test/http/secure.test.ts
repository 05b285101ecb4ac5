import { createServer as createHttp2Server, createSecureServer } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import type { Application, HttpServerOptions } from '../../src/http.js';
import { makePair } from '../support/certificates.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import {
  Conversation,
  drain,
  http2Client,
  ProbedHttpServer,
  servingHttp,
  type TestHttpServer,
  tell,
} from '../support/http.js';
import { client, closed, temporaryDirectory, until, within } from '../support/in-process.js';
import { requirement } from '../support/requirements.js';
import { certificateDirectory, secured } from '../support/tls-clients.js';

expectNoDescriptorLeak();

describe('with TLS', { ...requirement('openssl') }, () => {
  const directory = certificateDirectory();
  const ours = makePair(directory, 'ours');
  const theirs = makePair(directory, 'theirs');
  const tlsOptions: HttpServerOptions = { tlsKey: ours.key, tlsCertificate: ours.certificate };
  const own = { key: theirs.key, cert: theirs.certificate };

  async function secureConversation(
    server: TestHttpServer,
    protocols: string[] = [],
  ): Promise<Conversation & { socket: TLSSocket }> {
    const socket = await secured(server.port, protocols.length > 0 ? { ALPNProtocols: protocols } : {});
    return new Conversation(socket) as Conversation & { socket: TLSSocket };
  }

  const served: [string, string, () => [Application, HttpServerOptions]][] = [
    ['a listener and TLS options', 'ours', () => [tell, tlsOptions]],
    ['a listener, TLS options and http2', 'ours', () => [tell, { ...tlsOptions, http2: true }]],
    [
      'a server of node:https with its own certificate',
      'theirs',
      () => [createHttpsServer(own, (request, response) => void tell(request, response)), {}],
    ],
    [
      'a server of node:https behind our TLS options',
      'ours',
      () => [createHttpsServer(own, (request, response) => void tell(request, response)), tlsOptions],
    ],
    [
      'a secure server of node:http2 that allows HTTP/1',
      'theirs',
      () => [createSecureServer({ ...own, allowHTTP1: true }, tell as never), {}],
    ],
  ];

  test.each(served)('HTTP/1.1 is spoken and drained by %s', async (_, name, make) => {
    const server = await servingHttp(...make());
    const talk = await secureConversation(server);
    expect(talk.socket.getPeerCertificate().subject.CN).toBe(name);
    expect(await talk.post('/', 'body').answer()).toMatchObject({ body: 'POST / 4' });
    await until(() => server.status().connections.idle === 1, 'an idle connection');
    expect(server.status()).toMatchObject({
      connections: { active: 1, busy: 0 },
      requests: { active: 0, total: 1 },
    });
    const { stopped } = await drain(server);
    expect(await talk.get('/').answer()).toMatchObject({ headers: { connection: 'close' } });
    await talk.end();
    await within(stopped, 'the stop');
  });

  test.each([
    ['a listener', 'ours', () => [tell, { ...tlsOptions, http2: true }]],
    ['a secure server of node:http2', 'theirs', () => [createSecureServer(own, tell as never), {}]],
    [
      'a secure one behind our TLS options',
      'ours',
      () => [createSecureServer(own, tell as never), { ...tlsOptions, http2: true }],
    ],
    [
      'one without TLS behind our TLS options',
      'ours',
      () => [createHttp2Server(tell as never), { ...tlsOptions, http2: true }],
    ],
  ] as [string, string, () => [Application, HttpServerOptions]][])(
    'HTTP/2 is negotiated and drained by %s',
    async (_, name, make) => {
      const server = await servingHttp(...make());
      const session = http2Client(`https://127.0.0.1:${server.port}`);
      expect(await session.ask('/', 'body')).toMatchObject({ body: 'POST / 4' });
      expect(session.session.alpnProtocol).toBe('h2');
      expect((session.session.socket as TLSSocket).getPeerCertificate().subject.CN).toBe(name);
      await until(() => server.status().connections.idle === 1, 'an idle session');
      const { stopped } = await drain(server);
      expect(await session.ask('/next')).toMatchObject({ body: 'GET /next 0' });
      await within(session.closed, 'the end of the session');
      await within(stopped, 'the stop');
    },
  );

  test.each<[string, HttpServerOptions, string[], string | false]>([
    ['h2 where both know it', { http2: true }, ['h2', 'http/1.1'], 'h2'],
    ['http/1.1 where the client prefers nothing else', { http2: true }, ['http/1.1'], 'http/1.1'],
    ['nothing where the client does not negotiate', { http2: true }, [], false],
    ['http/1.1 where http2 is not asked for', {}, ['h2', 'http/1.1'], 'http/1.1'],
    ['what tlsOptions say', { tlsOptions: { ALPNProtocols: ['mine', 'http/1.1'] } }, ['mine'], 'mine'],
  ])('ALPN chooses %s', async (_, options, offered, chosen) => {
    const server = await servingHttp(tell, { ...tlsOptions, ...options });
    const talk = await secureConversation(server, offered);
    expect(talk.socket.alpnProtocol).toBe(chosen);
  });

  test('half a header over TLS is busy', async () => {
    const server = await servingHttp(tell, tlsOptions);
    const talk = (await secureConversation(server)).send('GET / HT');
    await until(() => server.status().connections.busy === 1, 'the half header');
    const { stopped } = await drain(server);
    talk.send('TP/1.1\r\nHost: test\r\n\r\n');
    expect(await talk.answer()).toMatchObject({ status: 200, headers: { connection: 'close' } });
    await within(stopped, 'the stop');
  });

  test.each(served.filter(([, name]) => name === 'theirs'))(
    'a client that leaves amid the handshake with %s is gone',
    async (_, _name, make) => {
      const server = await servingHttp(...make());
      const socket = await client({ port: server.port, host: '127.0.0.1' });
      socket.end(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]));
      await closed(socket);
      await until(() => server.activeConnections === 0, 'the end of the connection');
    },
  );

  test('a UNIX socket beside it speaks without TLS', async () => {
    const path = `${temporaryDirectory()}/s`;
    const server = await servingHttp(tell, {
      ...tlsOptions,
      http2: true,
      bind: ['tcp://127.0.0.1:0', `unix://${path}`],
    });
    const talk = new Conversation(await client({ path }));
    expect(await talk.get('/').answer()).toMatchObject({ body: 'GET / 0' });
    const session = http2Client('http://localhost', { socket: await client({ path }) });
    expect(await session.ask('/two')).toMatchObject({ body: 'GET /two 0' });
    expect(server.status().requests?.total).toBe(2);
  });

  test.each(served.filter(([what]) => what.includes('node:https') || what.startsWith('a listener')))(
    'the probe speaks without TLS to %s',
    requirement('addon'),
    async (_, _name, make) => {
      const server = new ProbedHttpServer(...make());
      await server.start();
      expect(server.heard).toMatch(/^HTTP\/1.1 200/);
    },
  );
});
