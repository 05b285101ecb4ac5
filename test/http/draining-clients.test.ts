import { Agent, createServer, request as httpRequest } from 'node:http';
import { describe, expect, test } from 'vitest';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { conversation, drain, kept, servingHttp, tell } from '../support/http.js';
import { client, within } from '../support/in-process.js';

expectNoDescriptorLeak();

describe('in a drain', () => {
  test.each([[true], [false]])('100-continue works; with a listener for it: %s', async (listens) => {
    const own = createServer((request, response) => void tell(request, response));
    if (listens) {
      own.on('checkContinue', (request, response) => {
        response.writeContinue();
        void tell(request, response);
      });
    }
    const server = await servingHttp(own);
    const talk = await kept(server);
    await drain(server);
    talk.send('POST /c HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n');
    expect(await talk.answer()).toMatchObject({ status: 100 });
    talk.send('abc');
    expect(await talk.answer()).toMatchObject({ headers: { connection: 'close' }, body: 'POST /c 3' });
    await talk.end();
  });

  test('HEAD has its headers and no body', async () => {
    const server = await servingHttp((_, response) => response.setHeader('Content-Length', 4).end('body'));
    const talk = await kept(server);
    await drain(server);
    talk.send('HEAD / HTTP/1.1\r\nHost: test\r\n\r\n');
    expect(await talk.answer({ toHead: true })).toMatchObject({
      headers: { connection: 'close', 'content-length': '4' },
    });
    expect(await talk.end()).toBe('');
  });

  test('a client of HTTP/1.0 is answered, kept alive or not', async () => {
    // Without a length Node ends the connection to end the body.
    const server = await servingHttp((_, response) => response.setHeader('Content-Length', 0).end());
    const talk = (await conversation(server)).send('GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    expect(await talk.answer()).toMatchObject({ headers: { connection: 'keep-alive' } });
    await drain(server);
    talk.send('GET /2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    expect(await talk.answer()).toMatchObject({ headers: { connection: 'close' } });
    await talk.end();
  });

  test('an agent of Node’s loses nothing over it', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const server = await servingHttp(tell);
    const ask = (): Promise<string | undefined> =>
      new Promise((resolve, reject) => {
        const asked = httpRequest({ port: server.port, host: '127.0.0.1', agent }, (answer) => {
          answer.resume().on('end', () => resolve(answer.headers.connection));
        });
        asked.on('error', reject).end();
      });
    expect(await ask()).toBe('keep-alive');
    await drain(server);
    expect(await ask()).toBe('close');
    await expect(ask()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    agent.destroy();
  });

  test('a client that leaves before its request is passed on costs nothing', async () => {
    let asked = 0;
    const server = await servingHttp((_, response) => {
      asked += 1;
      response.end();
    });
    const talk = await kept(server);
    const silent = await client({ port: server.port, host: '127.0.0.1' });
    const { stopped } = await drain(server);
    talk.get('/gone');
    talk.socket.destroy();
    silent.destroy();
    await within(stopped, 'the stop');
    expect(asked).toBeLessThanOrEqual(2);
    expect(server.log.of('handler failed')).toEqual([]);
  });
});
