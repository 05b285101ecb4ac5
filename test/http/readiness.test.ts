import { expect, test } from 'vitest';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { conversation, http2Client, servingHttp, TestHttpServer, tell } from '../support/http.js';
import { until, within } from '../support/in-process.js';

expectNoDescriptorLeak();

test('readiness answers without the program: 200, and 503 from the order to stop on', async () => {
  let asked = 0;
  const server = await servingHttp(
    (request, response) => {
      asked += 1;
      return tell(request, response);
    },
    { readiness: '/ready', shutdownDelay: 100 },
  );
  const talk = await conversation(server);
  const headers = { 'cache-control': 'no-store' };
  expect(await talk.get('/ready').answer()).toMatchObject({ status: 200, body: 'ready\n', headers });
  expect(await talk.get('/ready?why').answer()).toMatchObject({ status: 200 });
  talk.send('HEAD /ready HTTP/1.1\r\nHost: test\r\n\r\n');
  expect(await talk.answer({ toHead: true })).toMatchObject({ status: 200 });
  expect(await talk.post('/ready', 'body').answer()).toMatchObject({ status: 200 });
  expect(asked).toBe(0);
  expect(await talk.get('/ready/not').answer()).toMatchObject({ body: 'GET /ready/not 0' });

  const startedAt = performance.now();
  const stopped = server.stop();
  await until(() => server.state === 'stopping', 'the stop');
  // Not draining yet: whoever comes is served, and kept.
  expect(await (await conversation(server)).get('/ready').answer()).toMatchObject({
    status: 503,
    body: 'not ready\n',
    headers: { ...headers, connection: 'keep-alive' },
  });
  expect(await talk.get('/').answer()).toMatchObject({ status: 200, headers: { connection: 'keep-alive' } });
  expect(server.status().listeners).toMatchObject([{ accepting: true }]);
  await server.log.entry('draining');
  expect(performance.now() - startedAt).toBeGreaterThan(95);
  expect(await talk.get('/ready').answer()).toMatchObject({ status: 503, headers: { connection: 'close' } });
  expect(server.status().listeners).toMatchObject([{ accepting: false }]);
  await talk.end();
  await within(stopped, 'the stop', 8_000);
});

test('it is answered over HTTP/2 as well', async () => {
  const server = await servingHttp(tell, { readiness: '/ready', http2: true });
  const session = http2Client(`http://127.0.0.1:${server.port}`);
  expect(await session.ask('/ready')).toMatchObject({ status: 200, body: 'ready\n' });
});

test('isReady() decides; one that rejects is not ready, and is heard of', async () => {
  class Asked extends TestHttpServer {
    ready: () => boolean | Promise<boolean> = () => true;
    override isReady(): boolean | Promise<boolean> {
      return this.ready();
    }
  }
  const server = new Asked(tell, { readiness: '/ready' });
  await server.start();
  const errors: unknown[] = [];
  server.on('handlerError', (error) => errors.push(error));
  const talk = await conversation(server);
  const status = async (): Promise<number> => (await talk.get('/ready').answer()).status;
  expect(await status()).toBe(200);
  server.ready = () => Promise.resolve(false);
  expect(await status()).toBe(503);
  server.ready = () => Promise.reject(new Error('no database'));
  expect(await status()).toBe(503);
  server.ready = () => {
    throw new Error('no cache');
  };
  expect(await status()).toBe(503);
  expect(errors).toMatchObject([{ message: 'no database' }, { message: 'no cache' }]);
});

test('without the option the path is the program’s', async () => {
  const server = await servingHttp(tell);
  expect(await (await conversation(server)).get('/ready').answer()).toMatchObject({ body: 'GET /ready 0' });
});
