/** Each program of examples/http, restarted while clients keep asking it. */
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { io, type Socket as SocketIoClient } from 'socket.io-client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { makePair } from '../support/certificates.js';
import { Generations } from '../support/generations.js';
import { KeepAliveClients } from '../support/keep-alive-clients.js';
import { requirement } from '../support/requirements.js';

const EXAMPLES = fileURLToPath(new URL('../../examples/http', import.meta.url));
const RESTARTS = 3;
const CLIENTS = 20;

let generations: Generations;
let end: (() => void)[] = [];
beforeEach(() => {
  generations = new Generations();
});
afterEach(async () => {
  for (const close of end) close();
  end = [];
  await generations.end();
});

async function serving(example: string, environment: Record<string, string> = {}): Promise<number> {
  const { controlPath } = generations;
  generations.launch({
    command: [process.execPath, join(EXAMPLES, `${example}.mjs`)],
    environment: { PORT: '0', CONTROL_PATH: controlPath, ...environment },
  });
  await generations.line('serving');
  return generations.port();
}

/** As examples/http/https.mjs wants it. */
function certified(): Record<string, string> {
  const { keyPath, certificatePath } = makePair(generations.directory, 'server');
  return { TLS_KEY: keyPath, TLS_CERTIFICATE: certificatePath };
}

/** Restarts it under load, and waits for the first process to leave. */
async function expectNothingLost(scheme: 'http:' | 'https:', protocol?: 'http/1.1' | 'h2'): Promise<void> {
  const load = new KeepAliveClients(`${scheme}//127.0.0.1:${generations.port()}`).start(CLIENTS, protocol);
  const first = generations.owner;
  for (let restarts = 0; restarts < RESTARTS; restarts += 1) {
    await load.answeredBy(await generations.restart());
  }
  const { requests, errors, pids } = await load.stop();
  expect(errors).toEqual([]);
  expect(requests).toBeGreaterThan(RESTARTS * CLIENTS);
  expect(pids).toHaveLength(RESTARTS + 1);
  await generations.gone(first);
}

test.each(['plain', 'express', 'fastify', 'koa', 'hono', 'nestjs'])(
  '%s loses no request',
  requirement('addon'),
  async (example) => {
    await serving(example);
    await expectNothingLost('http:');
    if (example === 'fastify') expect(generations.stray).toContain('fastify is closed');
  },
);

test.each([
  ['http2', 'http:', 'h2'],
  ['https', 'https:', 'http/1.1'],
  ['https', 'https:', 'h2'],
] as const)(
  '%s loses no request over %s with %s',
  requirement('addon', 'openssl'),
  async (example, scheme, protocol) => {
    await serving(example, example === 'https' ? certified() : undefined);
    await expectNothingLost(scheme, protocol);
  },
);

test(
  'ws tells two hundred clients to come back, evenly spread, and they do',
  requirement('addon'),
  async () => {
    const over = 2_000;
    const port = await serving('ws', { SPREAD: String(over) });
    const first = generations.owner;
    const sockets: WebSocket[] = [];
    const open = async (): Promise<WebSocket> => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}`);
      sockets.push(socket);
      end.push(() => socket.close());
      await once(socket, 'open');
      return socket;
    };
    const told: { code: number; at: number }[] = [];
    const back = Array.from({ length: 200 }, async () => {
      const socket = await open();
      const [code] = (await once(socket, 'close')) as [number];
      told.push({ code, at: performance.now() });
      const again = await open();
      again.send('who');
      const [message] = (await once(again, 'message')) as [Buffer];
      return message.toString();
    });
    await generations.until(() => sockets.length === 200, 'all to connect');
    await generations.until(
      () => sockets.every(({ readyState }) => readyState === WebSocket.OPEN),
      'all to be open',
    );
    const second = await generations.restart();
    expect(new Set(await Promise.all(back))).toEqual(new Set([`who ${second}`]));
    expect(new Set(told.map(({ code }) => code))).toEqual(new Set([1012]));
    // Ten are due in each 100 ms; with jitter, and a client that is a little late, a few more.
    const most = Math.max(
      ...told.map(({ at }) => told.filter((other) => other.at >= at && other.at < at + 100).length),
    );
    expect(most).toBeLessThanOrEqual(20);
    await generations.gone(first);
  },
);

test('socket-io sends its clients to the new process, and they ask on', requirement('addon'), async () => {
  const port = await serving('socket-io', { SPREAD: '500' });
  const first = generations.owner;
  const connected = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const client = io(`http://127.0.0.1:${port}`, { reconnectionDelay: 10, reconnectionDelayMax: 50 });
      end.push(() => client.close());
      await new Promise<void>((resolve) => client.once('connect', resolve));
      return client;
    }),
  );
  const who = async (client: SocketIoClient): Promise<number> =>
    ((await client.emitWithAck('ask', 'who')) as { pid: number }).pid;
  expect(new Set(await Promise.all(connected.map(who)))).toEqual(new Set([first]));
  const second = await generations.restart();
  await generations.gone(first);
  expect(new Set(await Promise.all(connected.map(who)))).toEqual(new Set([second]));
});
