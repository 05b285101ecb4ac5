/** Node's `requestTimeout` in a drain: a client that sends its request too slowly, or never to its end, does not hold it up. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { describe, expect, test } from 'vitest';
import type { Application, HttpServerOptions } from '../../src/http.js';
import { makePair } from '../support/certificates.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { Conversation, drain, servingHttp, tell } from '../support/http.js';
import { client, until, within } from '../support/in-process.js';
import { requirement } from '../support/requirements.js';
import { certificateDirectory, secured } from '../support/tls-clients.js';

expectNoDescriptorLeak();

/** Milliseconds. Far below the patience with a client that is silent, which must not be what ends these. */
const REQUEST_TIMEOUT = 200;
const limits = { requestTimeout: REQUEST_TIMEOUT, connectionsCheckingInterval: 20 };
const HALVES: [string, string][] = [
  ['of its header', 'GET /slow HTTP/1.1\r\nHost: test\r\nX-Slow: lo'],
  ['of its body', 'POST /slow HTTP/1.1\r\nHost: test\r\nContent-Length: 6\r\n\r\n123'],
];

/** For servers that are given: what their listener throws is the program's, and here it is of a client that was cut. */
const told = (request: IncomingMessage, response: ServerResponse): void => {
  tell(request, response).catch(() => response.destroy());
};

describe('in cleartext', () => {
  describe.each<[string, () => [Application, HttpServerOptions]]>([
    ['a listener', () => [tell, { httpOptions: limits }]],
    ['a listener, and http2', () => [tell, { httpOptions: limits, http2: true }]],
    ['a server of node:http', () => [createServer(limits, told), {}]],
  ])('%s', (_, make) => {
    test.each(HALVES)('ends a request that comes in the drain with half %s', (_, half) =>
      expectTimeout(
        make(),
        half,
        async (port) => new Conversation(await client({ port, host: '127.0.0.1' })),
      ),
    );
  });
});

describe('with TLS', { ...requirement('openssl') }, () => {
  const { key, certificate } = makePair(certificateDirectory(), 'ours');
  const tlsOptions = { tlsKey: key, tlsCertificate: certificate };
  const own = { ...limits, key, cert: certificate };

  describe.each<[string, () => [Application, HttpServerOptions]]>([
    ['a listener', () => [tell, { ...tlsOptions, httpOptions: limits }]],
    ['a listener, and http2', () => [tell, { ...tlsOptions, httpOptions: limits, http2: true }]],
    ['a server of node:https', () => [createHttpsServer(own, told), {}]],
  ])('%s', (_, make) => {
    test.each(HALVES)('ends a request that comes in the drain with half %s', (_, half) =>
      expectTimeout(make(), half, async (port) => new Conversation(await secured(port))),
    );
  });

  test('a secure server of node:http2', () => {
    // As options it takes them since Node 24.
    const server = Object.assign(createSecureServer({ ...own, allowHTTP1: true }, told as never), limits);
    return expectTimeout([server, {}], HALVES[0]![1], async (port) => new Conversation(await secured(port)));
  });
});

/** Answered with 408 and closed; and then nothing keeps the server. */
async function expectTimeout(
  [application, options]: [Application, HttpServerOptions],
  half: string,
  open: (port: number) => Promise<Conversation>,
): Promise<void> {
  const server = await servingHttp(application, options);
  const talk = await open(server.port);
  expect(await talk.get('/before').answer()).toMatchObject({ headers: { connection: 'keep-alive' } });
  const { stopped } = await drain(server);
  const since = performance.now();
  talk.send(half);
  await until(() => server.status().connections.busy === 1, 'the half request');
  expect(await talk.answer()).toMatchObject({ status: 408, headers: { connection: 'close' } });
  expect(performance.now() - since).toBeGreaterThan(REQUEST_TIMEOUT / 2);
  expect(await talk.end()).toBe('');
  await within(stopped, 'the stop');
  expect(server.status()).toMatchObject({ connections: { active: 0 }, requests: { active: 0 } });
  expect(server.log.of('the drain deadline cut connections')).toEqual([]);
}
