import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import {
  TestHttpServer as Bare,
  conversation,
  http2Client,
  servingHttp,
  type TestHttpServer,
  tell,
} from '../support/http.js';
import { rejection } from '../support/in-process.js';

expectNoDescriptorLeak();

const failures: [string, (error: Error) => unknown][] = [
  [
    'throws',
    (error) => {
      throw error;
    },
  ],
  ['rejects', (error) => Promise.reject(error)],
];

async function failing(
  fail: (response: ServerResponse) => unknown,
): Promise<{ server: TestHttpServer; errors: unknown[] }> {
  const errors: unknown[] = [];
  const server = await servingHttp(
    (request, response) => (request.url === '/fine' ? tell(request, response) : fail(response)),
    {
      http2: true,
    },
  );
  server.on('handlerError', (error) => errors.push(error));
  return { server, errors };
}

describe.each(failures)('a listener that %s', (_, fail) => {
  test('before it answered: 500, and the connection is kept', async () => {
    const { server, errors } = await failing((response) => {
      response.setHeader('Content-Length', 1_000);
      response.setHeader('X-Secret', 'x');
      return fail(new Error('broken'));
    });
    const talk = await conversation(server);
    const answer = await talk.get('/').answer();
    expect(answer).toMatchObject({ status: 500, body: 'Internal Server Error\n' });
    expect(answer.headers).not.toHaveProperty('x-secret');
    expect(await talk.get('/fine').answer()).toMatchObject({ status: 200 });
    const session = http2Client(`http://127.0.0.1:${server.port}`);
    expect(await session.ask('/')).toMatchObject({ status: 500, body: 'Internal Server Error\n' });
    expect(await session.ask('/fine')).toMatchObject({ status: 200 });
    expect(errors).toMatchObject([{ message: 'broken' }, { message: 'broken' }]);
    expect(server.log.of('handler failed')).toHaveLength(2);
  });

  test('amid its answer: the client sees that it is not whole', async () => {
    const { server, errors } = await failing((response) => {
      response.writeHead(200);
      response.write('half');
      return fail(new Error('broken'));
    });
    const talk = (await conversation(server)).get('/');
    await expect(talk.answer()).rejects.toThrow(/ended before/);
    const session = http2Client(`http://127.0.0.1:${server.port}`);
    await expect(session.ask('/')).rejects.toMatchObject({
      message: expect.stringMatching('INTERNAL_ERROR'),
    });
    expect(await session.ask('/fine')).toMatchObject({ status: 200 });
    expect(errors).toHaveLength(2);
  });

  test('after its answer: the answer arrives', async () => {
    const long = 'x'.repeat(1_000_000);
    const { server, errors } = await failing((response) => {
      response.setHeader('Content-Length', long.length);
      response.end(long);
      return fail(new Error('broken'));
    });
    const talk = await conversation(server);
    expect((await talk.get('/').answer()).body).toHaveLength(long.length);
    expect(await talk.get('/fine').answer()).toMatchObject({ status: 200 });
    expect(errors).toHaveLength(1);
  });
});

test('a subclass that implements no handler is refused before anything is bound', async () => {
  expect(await rejection(new Bare().start())).toMatchObject({
    problems: [
      expect.stringMatching(/^TestHttpServer implements none of handleHttpRequest, handleRequest, /),
    ],
  });
});
