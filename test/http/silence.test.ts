import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, expect, test, vi } from 'vitest';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { conversation, drain, Held, http2Client, kept, servingHttp, tell } from '../support/http.js';
import { client, closed, until, within } from '../support/in-process.js';

expectNoDescriptorLeak();

/** With Node's margin a silent client has a second and this. */
const SHORT = { httpOptions: { keepAliveTimeout: 50 } };

describe('status() tells', () => {
  test('busy connections from idle ones, and counts requests', async () => {
    const held = new Held();
    const server = await servingHttp(held.listener);
    const counts = () => {
      const { connections, requests } = server.status();
      return { ...connections, requests };
    };
    expect(counts()).toEqual({ active: 0, busy: 0, idle: 0, total: 0, requests: { active: 0, total: 0 } });
    const talk = await conversation(server);
    await until(() => counts().idle === 1, 'a fresh connection, which is idle');
    talk.send('GET / HT');
    await until(() => counts().busy === 1, 'a request that has begun');
    talk.send('TP/1.1\r\nHost: test\r\n\r\n');
    const [, response] = await held.of('/');
    expect(counts()).toEqual({ active: 1, busy: 1, idle: 0, total: 1, requests: { active: 1, total: 1 } });
    response.end();
    await talk.answer();
    await until(() => counts().idle === 1, 'the kept connection');
    expect(counts()).toEqual({ active: 1, busy: 0, idle: 1, total: 1, requests: { active: 0, total: 1 } });
  });
});

describe('in a drain', () => {
  test.each([
    ['kept', false, kept],
    ['fresh', false, conversation],
    ['fresh, to a server of both protocols', true, conversation],
  ] as const)('a silent connection that is %s ends with the keep-alive timeout', async (_, http2, make) => {
    const server = await servingHttp(tell, { ...SHORT, http2 });
    const talk = await make(server);
    // At once: not when it is known that its protocol will never be.
    await within(
      until(() => server.status().connections.idle === 1, 'idle'),
      'an idle connection',
      2_000,
    );
    const { stopped } = await drain(server);
    expect(await talk.end()).toBe('');
    await within(stopped, 'the stop');
    expect(server.log.of('the drain deadline cut connections')).toEqual([]);
  });

  test('a server without a keep-alive timeout has one then', async () => {
    const held = new Held();
    const server = await servingHttp(
      (request, response) =>
        request.url === '/down' ? held.listener(request, response) : tell(request, response),
      { httpOptions: { keepAliveTimeout: 0 } },
    );
    const [talk, fresh] = [await kept(server), await conversation(server)];
    const down = (await conversation(server)).get('/down');
    const [, response] = await held.of('/down');
    // Too late to say that it is the last.
    response.flushHeaders();
    await until(() => server.status().connections.idle === 2, 'both');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    try {
      const stopped = server.stop();
      while (server.log.of('draining').length === 0) await turn();
      response.end();
      while (server.status().requests?.active !== 0) await turn();
      vi.advanceTimersByTime(5_990);
      expect(server.activeConnections).toBe(3);
      vi.advanceTimersByTime(20);
      await Promise.all([talk.end(), fresh.end(), down.end(), stopped]);
    } finally {
      vi.useRealTimers();
    }
  });

  test('the deadline ends everything and counts what was busy', async () => {
    const held = new Held();
    const server = await servingHttp(held.listener, { drainTimeout: 50, http2: true });
    const talk = (await conversation(server)).get('/');
    const session = http2Client(`http://127.0.0.1:${server.port}`);
    const lost = session.ask('/two').catch(() => 'lost');
    await held.of('/');
    await held.of('/two');
    const idle = await conversation(server);
    const half = (await conversation(server)).send('GE');
    await until(() => server.status().connections.busy === 3, 'three busy connections');
    expect(server.status().connections).toMatchObject({ active: 4, idle: 1 });
    await within(server.stop(), 'the stop');
    expect(server.log.of('the drain deadline cut connections')).toMatchObject([{ facts: { cut: 3 } }]);
    expect(await lost).toBe('lost');
    await Promise.all([talk, idle, half].map((each) => closed(each.socket as never)));
  });

  test('idle connections alone, the deadline has cut nothing', async () => {
    const server = await servingHttp(tell, { drainTimeout: 50 });
    const talk = await kept(server);
    await within(server.stop(), 'the stop');
    expect(server.log.of('the drain deadline cut connections')).toEqual([]);
    await closed(talk.socket as never);
  });
});

describe.each([
  ['HTTP/1.1 alone', false],
  ['both protocols', true],
])('a client that sends its headers too slowly, of a server of %s', (_, http2) => {
  const options = { http2, httpOptions: { headersTimeout: 100, connectionsCheckingInterval: 20 } };

  test.each([
    ['before', false],
    ['in a drain', true],
  ])('is sent away %s', async (_when, draining) => {
    const server = await servingHttp(tell, options);
    const talk = (await conversation(server)).send('GET / HTTP/1.1\r\n');
    await until(() => server.status().connections.busy === 1, 'the half header');
    const drained = draining ? await drain(server) : undefined;
    expect(await talk.answer()).toMatchObject({ status: 408 });
    await talk.end();
    await drained?.stopped;
  });
});

test('a client of both protocols that never tells which is one of HTTP/1', async () => {
  const server = await servingHttp(tell, {
    http2: true,
    httpOptions: { headersTimeout: 100, connectionsCheckingInterval: 20 },
  });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const socket = await client({ port: server.port, host: '127.0.0.1' }).catch(() => undefined);
    socket?.write('PRI * HT');
    while (server.status().connections.busy === 0) await new Promise((resolve) => setImmediate(resolve));
    vi.advanceTimersByTime(5_000);
    expect(String(await new Promise((resolve) => socket?.once('data', resolve)))).toMatch(
      /^HTTP\/1.1 40[08]/,
    );
  } finally {
    vi.useRealTimers();
  }
});

test.each([['P'], ['PRI * HTTP/2.0\r\n\r\nSM'], ['']])('one that leaves after %j is gone', async (text) => {
  const server = await servingHttp(tell, { http2: true });
  const talk = await conversation(server);
  talk.socket.end(text);
  await talk.end();
  await until(() => server.activeConnections === 0, 'the connection to be gone');
});

test('the look for slow clients ends with the server', async () => {
  const own = createServer();
  const server = await servingHttp(own);
  const ended = once(own, 'close');
  const looks =
    Object.getOwnPropertySymbols(own).find((each) => /checkinginterval/i.test(String(each))) ?? '';
  const timer = (own as unknown as Record<symbol | string, { _destroyed: boolean }>)[looks];
  expect(timer).toMatchObject({ _destroyed: false });
  await server.stop();
  await within(ended, 'its own end');
  expect(timer).toMatchObject({ _destroyed: true });
});
