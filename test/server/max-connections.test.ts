import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import {
  client,
  closed,
  destroyedAtEnd,
  echo,
  nextChunk,
  serving,
  type TestServer,
  temporaryDirectory,
  until,
  within,
} from '../support/in-process.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();

/** Clients in a row, each of which has sent its number. */
async function clients(server: TestServer, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let number = 0; number < count; number++) {
    const socket = await client(server);
    socket.write(String(number));
    sockets.push(socket);
  }
  return sockets;
}

test('a server that is full lets clients wait and serves them later', requirement('addon'), async () => {
  const server = await serving(echo, { maxConnections: 2 });
  const [first, second, third, fourth] = (await clients(server, 4)) as [Socket, Socket, Socket, Socket];
  expect([await nextChunk(first), await nextChunk(second)]).toEqual(['0', '1']);
  expect(server.status()).toMatchObject({
    listeners: [{ accepting: false }],
    connections: { active: 2, total: 2 },
  });
  first.end();
  expect(await nextChunk(third)).toBe('2');
  expect(server.activeConnections).toBe(2);
  second.resetAndDestroy();
  expect(await nextChunk(fourth)).toBe('3');
  third.end();
  await closed(third);
  await until(() => server.status().listeners[0]?.accepting === true, 'room');
});

test('the limit counts the connections of all listeners', requirement('addon'), async () => {
  const path = join(temporaryDirectory(), 'socket');
  const server = await serving(echo, { maxConnections: 1, bind: ['tcp://127.0.0.1:0', `unix://${path}`] });
  const [first] = (await clients(server, 1)) as [Socket];
  await nextChunk(first);
  expect(server.status().listeners.map(({ accepting }) => accepting)).toEqual([false, false]);
  const waiting = connect(path);
  destroyedAtEnd(waiting);
  waiting.write('local');
  first.end();
  expect(await nextChunk(waiting)).toBe('local');
});

test('the limit holds when connections come in a burst', requirement('addon'), async () => {
  let most = 0;
  const server: TestServer = await serving(
    async (socket) => {
      most = Math.max(most, server.activeConnections);
      await echo(socket);
    },
    { maxConnections: 3 },
  );
  const sockets = Array.from({ length: 50 }, () => connect(server.port(), '127.0.0.1'));
  await Promise.all(
    sockets.map(async (socket, number) => {
      destroyedAtEnd(socket);
      socket.end(String(number));
      expect(await nextChunk(socket)).toBe(String(number));
    }),
  );
  expect(most).toBe(3);
});

test('who waits at a full server is served by the next generation', requirement('addon'), async () => {
  const controlPath = join(temporaryDirectory(), 'control');
  const first = await serving(echo, { maxConnections: 1, controlPath });
  const [held, waiting] = (await clients(first, 2)) as [Socket, Socket];
  await nextChunk(held);
  const answer = nextChunk(waiting);
  const second = await serving(echo, { maxConnections: 1, controlPath });
  expect(await answer).toBe('1');
  expect([first.activeConnections, second.activeConnections]).toEqual([1, 1]);
  held.end();
  await within(first.stopped, 'the old one to leave');
});

test('who waits at a full server is served when it stops', requirement('addon'), async () => {
  const server = await serving(echo, { maxConnections: 1 });
  const sockets = await clients(server, 3);
  await nextChunk(sockets[0]!);
  const stopped = server.stop();
  expect([await nextChunk(sockets[1]!), await nextChunk(sockets[2]!)]).toEqual(['1', '2']);
  for (const socket of sockets) socket.end();
  await within(stopped, 'stop');
});
