import { expect, test } from 'vitest';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { conversation, Held, http2Client, servingHttp } from '../support/http.js';

expectNoDescriptorLeak();

test.each([0, 1])(
  'requests that were pipelined are open no longer than their connection: %i answered',
  async (answered) => {
    const held = new Held();
    const server = await servingHttp(held.listener);
    const talk = await conversation(server);
    for (const path of ['/1', '/2', '/3']) talk.get(path);
    const third = held.of('/3');
    await third;
    expect(server.status().requests).toEqual({ active: 3, total: 3 });
    for (let at = 1; at <= answered; at += 1) {
      (await held.of(`/${at}`))[1].end();
      await talk.answer();
    }
    talk.socket.destroy();
    await expect.poll(() => server.status().connections.active).toBe(0);
    await expect.poll(() => server.status().requests).toEqual({ active: 0, total: 3 });
  },
);

test.each(['http/1.1', 'h2'])(
  'a listener that fails when its client has gone is heard of, over %s',
  async (protocol) => {
    let fail: (error: Error) => void = () => undefined;
    let arrived: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const errors: unknown[] = [];
    const server = await servingHttp(
      () =>
        new Promise((_, reject) => {
          fail = reject;
          arrived();
        }),
      { http2: true },
    );
    server.on('handlerError', (error) => errors.push(error));
    if (protocol === 'h2') {
      const client = http2Client(`http://127.0.0.1:${server.port}`);
      const stream = client.session.request({ ':path': '/' });
      stream.on('error', () => undefined);
      await asked;
      client.session.destroy();
    } else {
      const talk = (await conversation(server)).get('/');
      await asked;
      talk.socket.destroy();
    }
    await expect.poll(() => server.status().connections.active).toBe(0);
    fail(new Error('broken'));
    await expect.poll(() => errors).toMatchObject([{ message: 'broken' }]);
    expect(server.log.of('handler failed')).toHaveLength(1);
  },
);
