import { once } from 'node:events';
import { expect, test } from 'vitest';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { ask, client, closed, serving, type TestServer, within } from '../support/in-process.js';

expectNoDescriptorLeak();

test('a handler may stop the server, as long as it does not wait for it: its client is answered first', async () => {
  const server: TestServer = await serving(async (socket) => {
    await once(socket, 'data');
    void server.stop();
    socket.write('bye');
  });
  expect(await ask(server, 'stop')).toBe('bye');
  await within(server.stopped, 'the stop');
});

test('awaited in a handler, a stop lasts until drainTimeout cuts the connection of that handler', async () => {
  const server: TestServer = await serving(() => server.stop(), { drainTimeout: 50 });
  await closed(await client(server));
  await within(server.stopped, 'the stop');
  expect(server.log.of('the drain deadline cut connections')).toMatchObject([{ facts: { cut: 1 } }]);
});
