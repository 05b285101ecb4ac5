import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { type Conversation, conversation, drain, Held, kept, servingHttp, tell } from '../support/http.js';
import { until, within } from '../support/in-process.js';

expectNoDescriptorLeak();

describe('in a drain', () => {
  test('the answer to a request in flight says that it is the last', async () => {
    const held = new Held();
    const server = await servingHttp(held.listener);
    const talk = (await conversation(server)).get('/');
    const [, response] = await held.of('/');
    const { stopped } = await drain(server);
    response.end('late');
    expect(await talk.answer()).toMatchObject({ headers: { connection: 'close' }, body: 'late' });
    expect(await talk.end()).toBe('');
    await within(stopped, 'the stop');
  });

  test('a kept connection is not closed: its next request is answered, and that answer is the last', async () => {
    const server = await servingHttp(tell);
    const talk = await kept(server);
    const { stopped } = await drain(server);
    expect(await talk.post('/next', 'body').answer()).toMatchObject({
      headers: { connection: 'close' },
      body: 'POST /next 4',
    });
    await talk.end();
    await within(stopped, 'the stop');
  });

  test.each<[string, (response: ServerResponse) => unknown]>([
    ['setHeader', (response) => response.setHeader('Connection', 'keep-alive').end('x')],
    [
      'writeHead with an object',
      (response) => response.writeHead(200, { connection: 'keep-alive', a: 'b' }).end('x'),
    ],
    [
      'writeHead with a reason and an object',
      (response) => response.writeHead(200, 'Fine', { Connection: 'keep-alive', a: 'b' }).end('x'),
    ],
    [
      'writeHead with a flat array',
      (response) => response.writeHead(200, ['Connection', 'keep-alive', 'a', 'b']).end('x'),
    ],
    [
      'writeHead with pairs',
      (response) =>
        response
          .writeHead(200, [
            ['Connection', 'keep-alive'],
            ['a', 'b'],
            ['c', 'd'],
          ] as unknown as string[])
          .end('x'),
    ],
    [
      'flushHeaders',
      (response) => {
        response.setHeader('connection', 'keep-alive').flushHeaders();
        response.end('x');
      },
    ],
  ])('it is the last although the program says otherwise, as a proxy does: %s', async (how, answer) => {
    const server = await servingHttp((request, response) => {
      if (request.url === '/before') response.end();
      else answer(response);
    });
    const talk = await kept(server);
    await drain(server);
    const { headers, body } = await talk.get('/').answer();
    expect(headers).toMatchObject({ connection: 'close', ...(how.startsWith('writeHead') && { a: 'b' }) });
    expect(body).toBe('x');
    await talk.end();
  });

  describe('pipelined requests are all answered, and the last one says so', () => {
    test('where they came before', async () => {
      const held = new Held();
      const server = await servingHttp(held.listener);
      const talk = (await conversation(server)).get('/1').get('/2').get('/3');
      const responses = [await held.of('/1'), await held.of('/2'), await held.of('/3')];
      await drain(server);
      // The last one first: the order of the answers is Node's.
      for (const [, response] of responses.reverse()) response.end();
      await expectLastOfThree(talk);
    });

    test.each<[string, Parameters<typeof servingHttp>[0]]>([
      ['at once', (_, response) => response.end()],
      ['later', (_, response) => setImmediate(() => response.end())],
    ])('where they come then, and are answered %s', async (_, listener) => {
      const server = await servingHttp(listener);
      const talk = await kept(server);
      await drain(server);
      const request = 'GET / HTTP/1.1\r\nHost: test\r\n\r\n';
      talk.send(request.repeat(3));
      await expectLastOfThree(talk);
    });
  });

  test('a request of which half a header was sent is waited for, answered, and was busy', async () => {
    const server = await servingHttp(tell);
    const talk = (await conversation(server)).send('GET /half HTTP/1.1\r\nHo');
    await until(() => server.status().connections.busy === 1, 'the half header');
    const { stopped } = await drain(server);
    expect(server.status().connections).toMatchObject({ busy: 1, idle: 0 });
    talk.send('st: test\r\n\r\n');
    expect(await talk.answer()).toMatchObject({ headers: { connection: 'close' }, body: 'GET /half 0' });
    await talk.end();
    await within(stopped, 'the stop');
  });

  test('an upload goes on', async () => {
    const server = await servingHttp(tell);
    const talk = (await conversation(server)).send(
      'POST /up HTTP/1.1\r\nHost: test\r\nContent-Length: 6\r\n\r\n123',
    );
    await until(() => server.status().requests?.active === 1, 'the request');
    await drain(server);
    talk.send('456');
    expect(await talk.answer()).toMatchObject({ headers: { connection: 'close' }, body: 'POST /up 6' });
    await talk.end();
  });

  test('a download goes on, and its connection closes after the next answer', async () => {
    const held = new Held();
    const server = await servingHttp(held.listener);
    const talk = (await conversation(server)).get('/down');
    const [, response] = await held.of('/down');
    response.write('a');
    await until(() => response.headersSent, 'the headers');
    await drain(server);
    response.write('b');
    response.end('c');
    expect(await talk.answer()).toMatchObject({ headers: { connection: 'keep-alive' }, body: 'abc' });
    talk.get('/next');
    (await held.of('/next'))[1].end();
    expect(await talk.answer()).toMatchObject({ headers: { connection: 'close' } });
    await talk.end();
  });

  test('an answer that comes before the end of its upload does not close the connection under it', async () => {
    const server = await servingHttp((request, response) => {
      request.resume();
      response.end('early');
    });
    const talk = await kept(server);
    await drain(server);
    talk.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 6\r\n\r\n123');
    expect(await talk.answer()).toMatchObject({ headers: { connection: 'keep-alive' }, body: 'early' });
    expect(server.status()).toMatchObject({ connections: { busy: 1 }, requests: { active: 0 } });
    talk.send('456');
    await until(() => server.status().connections.idle === 1, 'the end of the upload');
    expect(await talk.get('/').answer()).toMatchObject({ headers: { connection: 'close' } });
    await talk.end();
  });
});

/** Three answers, of which the last one says so; and then the end. */
async function expectLastOfThree(talk: Conversation): Promise<void> {
  const answers = [await talk.answer(), await talk.answer(), await talk.answer()];
  expect(answers.map(({ headers }) => headers['connection'])).toEqual(['keep-alive', 'keep-alive', 'close']);
  await talk.end();
}
