/** What a server of Node's can be told, or does by itself, holds on connections that it is given; and leaves nothing behind. */
import { createServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import { finished } from 'node:stream/promises';
import { describe, expect, test } from 'vitest';
import { makePair } from '../support/certificates.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { type Conversation, drain, kept, servingHttp, type TestHttpServer, tell } from '../support/http.js';
import { until, within } from '../support/in-process.js';
import { requirement } from '../support/requirements.js';
import { certificateDirectory, secured } from '../support/tls-clients.js';

expectNoDescriptorLeak();

const nobodyLeft = (server: TestHttpServer): Promise<void> =>
  until(() => server.status().connections.active === 0, 'no connection');

describe.each([[false], [true]])('draining: %s', (drains) => {
  async function begin(
    ...parameters: Parameters<typeof servingHttp>
  ): Promise<[TestHttpServer, Conversation]> {
    const server = await servingHttp(...parameters);
    const talk = await kept(server);
    if (drains) await drain(server);
    return [server, talk];
  }
  const connection = drains ? 'close' : 'keep-alive';

  test('an unknown expectation is refused, counted, and leaves the connection idle', async () => {
    const [server, talk] = await begin(tell);
    talk.get('/', 'Expect: the-unexpected\r\n');
    expect(await talk.answer()).toMatchObject({ status: 417, headers: { connection } });
    if (drains) expect(await talk.end()).toBe('');
    else await until(() => server.status().connections.idle === 1, 'an idle connection');
    expect(server.status().requests).toEqual({ active: 0, total: 2 });
  });

  test('a listener of the program decides on it instead', async () => {
    const own = createServer((request, response) => void tell(request, response));
    own.on('checkExpectation', (_, response) => response.writeHead(200, { 'Content-Length': 2 }).end('ok'));
    const [, talk] = await begin(own);
    talk.get('/', 'Expect: the-unexpected\r\n');
    expect(await talk.answer()).toMatchObject({ status: 200, headers: { connection }, body: 'ok' });
  });

  test('a listener for one of them decides on that one', async () => {
    const own = createServer((request, response) => void tell(request, response));
    own.once('checkExpectation', (_, response) => {
      setImmediate(() => response.writeHead(202, { 'Content-Length': 0 }).end());
    });
    const [, talk] = await begin(own);
    talk.get('/', 'Expect: the-unexpected\r\n');
    expect(await talk.answer()).toMatchObject({ status: 202, headers: { connection } });
  });

  test.each([204, 304])('an answer %i has no body', async (status) => {
    const [, talk] = await begin((request, response) => {
      response.writeHead(request.url === '/before' ? 200 : status).end();
    });
    talk.get('/');
    const { headers } = await head(talk);
    expect(headers).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*^Connection: ${connection}\r$`, 'im'));
    if (drains) expect(await talk.end()).toBe('');
  });

  test('trailers arrive, in both directions', async () => {
    const [, talk] = await begin(async (request, response) => {
      await finished(request.resume());
      if (request.url === '/before') {
        response.end();
        return;
      }
      response.writeHead(200, { Trailer: 'Answer' });
      response.addTrailers({ Answer: String(request.trailers['question']) });
      response.end('x');
    });
    talk.send(
      'POST / HTTP/1.1\r\nHost: test\r\nTrailer: Question\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nQuestion: why\r\n\r\n',
    );
    const { headers } = await head(talk);
    expect(headers).toMatch(new RegExp(`^Connection: ${connection}\r$`, 'im'));
    expect(await talk.take('1\r\nx\r\n0\r\nAnswer: why\r\n\r\n'.length)).toBe(
      '1\r\nx\r\n0\r\nAnswer: why\r\n\r\n',
    );
    if (drains) expect(await talk.end()).toBe('');
  });

  test('what is no HTTP is answered with 400, and its connection ends', async () => {
    const [server, talk] = await begin(tell);
    talk.send('nonsense\r\n\r\n');
    expect(await talk.answer()).toMatchObject({ status: 400, headers: { connection: 'close' } });
    expect(await talk.end()).toBe('');
    await nobodyLeft(server);
  });

  test('server.timeout ends a connection on which nothing comes or goes', async () => {
    const own = createServer((request, response) => {
      if (request.url === '/before') response.end();
    });
    own.timeout = 100;
    const [server, talk] = await begin(own);
    talk.get('/never');
    await talk.end();
    await nobodyLeft(server);
    expect(server.status().requests).toMatchObject({ active: 0 });
  });

  test('maxRequestsPerSocket ends it with the last answer', async () => {
    const own = createServer((request, response) => void tell(request, response));
    own.maxRequestsPerSocket = 2;
    // Node says that it was the last one, and leaves the closing to the client, or to this.
    own.keepAliveTimeout = 50;
    const [server, talk] = await begin(own);
    expect(await talk.get('/2').answer()).toMatchObject({ status: 200, headers: { connection: 'close' } });
    expect(await talk.end()).toBe('');
    await nobodyLeft(server);
    expect(server.status().requests).toMatchObject({ active: 0 });
  });

  test('a program that destroys the socket under an answer leaves nothing behind', async () => {
    const [server, talk] = await begin((request, response) => {
      if (request.url === '/before') response.end();
      else request.socket.destroy();
    });
    talk.get('/');
    await talk.end();
    await nobodyLeft(server);
    expect(server.status().requests).toMatchObject({ active: 0 });
  });
});

describe('ALPN without a common protocol', { ...requirement('openssl') }, () => {
  const directory = certificateDirectory();
  const { key, certificate } = makePair(directory, 'server');

  test.each<[string, () => Parameters<typeof servingHttp>]>([
    ['TLS options', () => [tell, { tlsKey: key, tlsCertificate: certificate }]],
    ['TLS options and http2', () => [tell, { tlsKey: key, tlsCertificate: certificate, http2: true }]],
    [
      'a secure server of node:http2',
      () => [createSecureServer({ key, cert: certificate, allowHTTP1: false })],
    ],
  ])('%s: the client is refused in the handshake, and nothing is left of it', async (_, make) => {
    const server = await servingHttp(...make());
    const refused = secured(server.port, { ALPNProtocols: ['other'] }).then(
      () => 'let in',
      (error: unknown) => (error as NodeJS.ErrnoException).code,
    );
    expect(await within(refused, 'the end of the handshake')).toBe(
      'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    );
    await nobodyLeft(server);
  });
});

/** The headers of an answer as they came, without its body. */
async function head(talk: Conversation): Promise<{ headers: string }> {
  let headers = '';
  while (!headers.endsWith('\r\n\r\n')) headers += await talk.take(1);
  return { headers };
}
