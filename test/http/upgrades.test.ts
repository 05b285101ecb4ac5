import { createServer, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { type Conversation, conversation, drain, TestHttpServer, tell } from '../support/http.js';
import { until, within } from '../support/in-process.js';

expectNoDescriptorLeak();

const ACCEPTED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';

class UpgradingServer extends TestHttpServer {
  readonly told: [Socket, string][] = [];
  broken = false;

  constructor({ listens = true } = {}) {
    const own = createServer((request, response) => void tell(request, response));
    const accept = (_request: IncomingMessage, socket: Socket): void => {
      socket.write(ACCEPTED);
      socket.pipe(socket);
    };
    if (listens) own.on('upgrade', accept).on('connect', accept);
    super(own);
  }

  override onDrainUpgraded(socket: Socket, request: IncomingMessage): void {
    if (this.broken) throw new Error('cannot say goodbye');
    this.told.push([socket, String(request.url)]);
    socket.end('bye');
  }
}

async function upgradingServer(options?: { listens?: boolean }): Promise<UpgradingServer> {
  const server = new UpgradingServer(options);
  await server.start();
  return server;
}

function upgrade(talk: Conversation): Conversation {
  return talk.get('/socket', 'Connection: Upgrade\r\nUpgrade: echo\r\n');
}

test('an upgraded connection is busy, works, and is told when the process drains', async () => {
  const server = await upgradingServer();
  const talk = upgrade(await conversation(server));
  expect(await talk.answer()).toMatchObject({ status: 101 });
  expect(await talk.send('ping').take(4)).toBe('ping');
  expect(server.status()).toMatchObject({
    connections: { busy: 1, idle: 0 },
    requests: { active: 0, total: 0 },
  });
  const { stopped } = await drain(server);
  expect(await talk.end()).toBe('bye');
  expect(server.told.map(([, url]) => url)).toEqual(['/socket']);
  await within(stopped, 'the stop');
});

test('one that upgrades while the process drains is told when the program has it', async () => {
  const server = await upgradingServer();
  const talk = await conversation(server);
  await talk.get('/').answer();
  const { stopped } = await drain(server);
  expect(server.told).toEqual([]);
  expect(await upgrade(talk).answer()).toMatchObject({ status: 101 });
  expect(await talk.end()).toBe('bye');
  await within(stopped, 'the stop');
});

test('a tunnel (CONNECT) is one too', async () => {
  const server = await upgradingServer();
  const talk = (await conversation(server)).send('CONNECT there:1 HTTP/1.1\r\nHost: there:1\r\n\r\n');
  expect(await talk.answer()).toMatchObject({ status: 101 });
  await drain(server);
  expect(await talk.end()).toBe('bye');
  expect(server.told).toMatchObject([[{}, 'there:1']]);
});

test('without a listener an upgrade is a request like any', async () => {
  const server = await upgradingServer({ listens: false });
  const talk = await conversation(server);
  expect(await upgrade(talk).answer()).toMatchObject({ status: 200, body: 'GET /socket 0' });
  await until(() => server.status().connections.idle === 1, 'an idle connection');
});

test('an onDrainUpgraded that throws harms nobody else', async () => {
  const server = await upgradingServer();
  const errors: unknown[] = [];
  server.on('handlerError', (error) => errors.push(error));
  const talks = [upgrade(await conversation(server)), upgrade(await conversation(server))];
  for (const talk of talks) await talk.answer();
  server.broken = true;
  const { stopped } = await drain(server);
  await until(() => errors.length === 2, 'two errors');
  expect(errors).toMatchObject([{ message: 'cannot say goodbye' }, { message: 'cannot say goodbye' }]);
  for (const talk of talks) talk.socket.end();
  await within(stopped, 'the stop');
});
