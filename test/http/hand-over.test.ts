import { join } from 'node:path';
import { expect, test } from 'vitest';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import {
  type Conversation,
  conversation,
  Held,
  http2Client,
  kept,
  TestHttpServer,
  tell,
} from '../support/http.js';
import { closed, temporaryDirectory, within } from '../support/in-process.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();

test(
  'in a hand-over the service is ready all the time, connections are told, and shutdownDelay is not waited for',
  requirement('addon'),
  async () => {
    const controlPath = join(temporaryDirectory(), 'control');
    const options = { controlPath, http2: true, readiness: '/ready', shutdownDelay: 60_000 };
    const first = new TestHttpServer(tell, options);
    await first.start();
    const { port } = first;
    const talk = await kept(first);
    const session = http2Client(`http://127.0.0.1:${port}`);
    await session.ask('/before');

    const second = new TestHttpServer(tell, { ...options, shutdownDelay: 0 });
    await second.start();
    expect(second.port).toBe(port);
    await within(first.log.entry('draining'), 'the drain');
    expect(await talk.get('/ready').answer()).toMatchObject({
      status: 200,
      headers: { connection: 'close' },
    });
    await talk.end();
    expect(await session.ask('/next')).toMatchObject({ status: 200 });
    await within(session.closed, 'the end of the session');
    expect(first.status().requests?.total).toBe(4);

    const served: Conversation = await conversation(second);
    expect(await served.get('/').answer()).toMatchObject({ headers: { connection: 'keep-alive' } });
    expect(second.status().requests?.total).toBe(1);
    await within(first.stopped, 'the old one to leave');
    served.socket.destroy();
    await closed(served.socket as never);
  },
);

test(
  'the owner knows how many connections of a draining process are busy, and how much it was asked',
  requirement('addon'),
  async () => {
    const controlPath = join(temporaryDirectory(), 'control');
    const held = new Held();
    const first = new TestHttpServer(held.listener, { controlPath });
    await first.start();
    const [silent, busy] = [await conversation(first), await conversation(first)];
    silent.get('/silent');
    (await held.of('/silent'))[1].end();
    await silent.answer();
    busy.get('/busy');
    const [, response] = await held.of('/busy');

    const second = new TestHttpServer(tell, { controlPath });
    await second.start();
    const facts = { pid: process.pid, generation: 1, requests: 2 };
    await expect.poll(() => second.status().draining).toMatchObject([{ ...facts, connections: 2, busy: 1 }]);
    expect(first.log.of('draining')[0]?.facts).toMatchObject({ connections: 2, busy: 1 });
    response.end();
    expect(await busy.answer()).toMatchObject({ headers: { connection: 'close' } });
    await busy.end();
    await expect
      .poll(() => second.status().draining, { timeout: 5_000 })
      .toMatchObject([{ ...facts, connections: 1, busy: 0 }]);
    silent.socket.destroy();
    await within(first.stopped, 'the old one to leave');
  },
);
