import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import type { ServerOptions } from '../../src/index.js';
import { makePair } from '../support/certificates.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import {
  client,
  echo,
  type Handler,
  nextChunk,
  serving,
  type TestServer,
  until,
} from '../support/in-process.js';
import { requirement } from '../support/requirements.js';
import { certificateDirectory, secured } from '../support/tls-clients.js';

expectNoDescriptorLeak();

/** So many lines a minute may outsiders cause. */
const MOST = 10;
const RESETS = MOST + 5;

/** What the log says of so many clients that reset after the first answer, one after the other. */
async function resets(
  server: TestServer,
  open: () => Promise<{ socket: Socket; raw: Socket }>,
): Promise<{ emitted: unknown[]; levels: string[] }> {
  const emitted: unknown[] = [];
  server.on('handlerError', (error) => emitted.push(error));
  for (let count = 1; count <= RESETS; count++) {
    const { socket, raw } = await open();
    socket.write('hello');
    await nextChunk(socket);
    raw.resetAndDestroy();
    await until(() => emitted.length === count, 'handlerError');
  }
  expect(server.log.of('handler failed')).toEqual([]);
  return { emitted, levels: server.log.of('connection broken amid its handler').map(({ level }) => level) };
}

const levels = Array.from({ length: RESETS }, (_, at) => (at < MOST ? 'warn' : 'debug'));

describe("a reset that a handler meets is not the program's fault: few are warned of, all are emitted", () => {
  test.each<[string, Handler]>([
    ['reads by `for await`', echo],
    [
      'waits for an event',
      async (socket) => {
        socket.once('data', (chunk) => socket.write(chunk));
        await once(socket, 'end');
      },
    ],
  ])('one that %s', async (_, handler) => {
    const server = await serving(handler);
    const seen = await resets(server, async () => {
      const socket = await client(server);
      return { socket, raw: socket };
    });
    expect(seen.levels).toEqual(levels);
    expect(seen.emitted).toMatchObject(Array.from({ length: RESETS }, () => ({ code: 'ECONNRESET' })));
  });

  test('one of a TLS socket', requirement('openssl'), async () => {
    const { key, certificate } = makePair(certificateDirectory(), 'server');
    const options: ServerOptions = { tlsKey: key, tlsCertificate: certificate };
    const server = await serving(echo, options);
    const seen = await resets(server, async () => {
      const socket = await secured(server.port());
      return { socket, raw: (socket as TLSSocket & { _parent: Socket })._parent };
    });
    expect(seen.levels).toEqual(levels);
  });
});

test.each([null, undefined, new Error('on purpose')])(
  'but what the program throws itself, here %o, is an error each time',
  async (thrown) => {
    const server = await serving(async (socket) => {
      await once(socket, 'data');
      throw thrown;
    });
    for (let count = 1; count <= RESETS; count++) {
      const socket = await client(server);
      socket.write('hello');
      await until(() => server.log.of('handler failed').length === count, 'a line');
    }
    expect(new Set(server.log.of('handler failed').map(({ level }) => level))).toEqual(new Set(['error']));
  },
);

test('neither is a connection that the deadline of a drain cuts', async () => {
  const server = await serving(echo, { drainTimeout: 20 });
  for (let count = 0; count < RESETS; count++) {
    const socket = await client(server);
    socket.write('hello');
    await nextChunk(socket);
  }
  await server.stop();
  expect(server.log.of('the drain deadline cut connections')).toMatchObject([{ facts: { cut: RESETS } }]);
  expect(server.log.of('connection broken amid its handler').map(({ level }) => level)).toEqual(levels);
  expect(server.log.entries.filter(({ level }) => level === 'error')).toEqual([]);
});
