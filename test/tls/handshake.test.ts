import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { Connect, ServerOptions } from '../../src/index.js';
import { makePair } from '../support/certificates.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import {
  ask,
  client,
  closed,
  echo,
  nextChunk,
  received,
  serving,
  TestServer,
  temporaryDirectory,
  until,
  within,
} from '../support/in-process.js';
import { requirement } from '../support/requirements.js';
import { certificateDirectory, converse, exactly, secured } from '../support/tls-clients.js';

/** The first bytes of any handshake message: more is to come. */
const HALF_A_HANDSHAKE = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]);

expectNoDescriptorLeak();

describe('a handshake', { ...requirement('openssl') }, () => {
  const directory = certificateDirectory();
  const pair = makePair(directory, 'server');
  const options: ServerOptions = { tlsKey: pair.key, tlsCertificate: pair.certificate };

  async function expectRefusal(server: TestServer, reason: RegExp): Promise<void> {
    expect(await server.log.entry('connection refused')).toMatchObject({
      level: 'warn',
      facts: {
        connection: 1,
        err: { code: 'UNINTERRUPTIBLE_TLS_HANDSHAKE_FAILED', message: expect.stringMatching(reason) },
      },
    });
    await until(() => server.activeConnections === 0, 'the connection to be closed');
    expect(await converse(server.port(), 'hello')).toMatchObject({ answer: 'hello' });
    expect(server.log.of('connection refused')).toHaveLength(1);
  }

  test('that does not go on is counted, and ends after the handshakeTimeout', async () => {
    const server = await serving(echo, { ...options, tlsOptions: { handshakeTimeout: 200 } });
    const socket = await client(server);
    socket.write(HALF_A_HANDSHAKE);
    await until(() => server.activeConnections === 1, 'the connection');
    await closed(socket);
    await expectRefusal(server, /timeout/i);
  });

  test('that a final stop finds unfinished is waited for', async () => {
    const server = await serving(echo, options);
    const socket = await client(server);
    socket.write(HALF_A_HANDSHAKE);
    await until(() => server.activeConnections === 1, 'the connection');
    const stopped = server.stop();
    await within(once(server, 'stopping'), 'stopping');
    expect(server.activeConnections).toBe(1);
    socket.destroy();
    await within(stopped, 'the stop');
  });

  test.each<[string, (socket: Socket) => void, RegExp]>([
    ['that is plain text', (socket) => socket.end('GET / HTTP/1.1\r\n\r\n'), /wrong version|http request/],
    ['that is garbage', (socket) => socket.end(Buffer.alloc(1_000, 0x16)), /wrong version/],
    ['the client ends amid', (socket) => socket.end(HALF_A_HANDSHAKE), /hang up|closed/],
    ['the client ends before', (socket) => socket.end(), /hang up|closed/],
    [
      'the client resets amid',
      (socket) => socket.write(HALF_A_HANDSHAKE, () => socket.resetAndDestroy()),
      /ECONNRESET|hang up|closed/,
    ],
  ])('%s is logged and harms nobody', async (_, misbehave, reason) => {
    const server = await serving(echo, options);
    misbehave(await client(server));
    await expectRefusal(server, reason);
  });

  test('whose client leaves as soon as it is done harms nobody', async () => {
    const server = await serving(echo, options);
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      (await secured(server.port(), exactly(version))).destroy();
    }
    await until(() => server.status().connections.total === 2, 'both connections');
    await until(() => server.activeConnections === 0, 'both to be closed');
  });

  test('done, garbage on the wire ends the connection and harms nobody', async () => {
    const server = await serving((socket) => socket.write('hello'), options);
    const raw = await client(server);
    const { connect } = await import('node:tls');
    const socket = connect({ socket: raw, rejectUnauthorized: false }).on('error', () => undefined);
    expect(await nextChunk(socket)).toBe('hello');
    raw.write('no TLS record');
    await until(() => server.activeConnections === 0, 'the connection to be closed');
    expect(server.log.of('connection failed')).toHaveLength(1);
  });

  test('done, a client that ends its half first still gets its answer', async () => {
    const server = await serving(async (socket) => {
      let text = '';
      for await (const chunk of socket) text += String(chunk);
      socket.write(`${text}!`);
    }, options);
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await secured(server.port(), { ...exactly(version), allowHalfOpen: true } as object);
      socket.end('hello');
      expect(await received(socket)).toBe('hello!');
    }
  });

  test('may wait until acceptClientConnection lets it', async () => {
    class PatientServer extends TestServer {
      readonly queue: Socket[] = [];
      override acceptClientConnection(socket: Socket): void {
        this.queue.push(socket);
      }
      next(): void {
        for (const socket of this.queue.splice(0)) void this.processRequest(socket);
      }
    }
    const server = new PatientServer(echo, options);
    await server.start();
    const outcome = converse(server.port(), 'hello');
    // The first bytes of the handshake are read before anybody asked for them.
    await until(() => (server.queue[0]?.readableLength ?? 0) > 0, 'the connection');
    server.next();
    expect((await outcome).answer).toBe('hello');
  });

  test('is left out for the probe', requirement('addon'), async () => {
    class ProbedServer extends TestServer {
      override async probe(open: Connect): Promise<void> {
        const socket = open();
        socket.end('hello');
        expect(await received(socket)).toBe('hello');
      }
    }
    const server = new ProbedServer(echo, { ...options, allowedNetworks: ['192.0.2.1'] });
    await server.start();
    expect(server.state).toBe('serving');
  });

  test('is left out on UNIX sockets, and the log says so', async () => {
    const path = `${temporaryDirectory()}/socket`;
    const server = await serving(echo, {
      ...options,
      bind: ['tcp://127.0.0.1:0', `unix://${path}`],
      allowedNetworks: ['127.0.0.1'],
    });
    expect(await ask({ path }, 'hello')).toBe('hello');
    expect(await converse(server.port(), 'hello')).toMatchObject({ answer: 'hello' });
    expect(server.log.of('not covered by TLS and allowedNetworks')).toMatchObject([
      { level: 'info', facts: { listeners: [`unix://${path}`] } },
    ]);
  });
});
