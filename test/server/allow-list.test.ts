import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { ServerOptions } from '../../src/index.js';
import { makePair } from '../support/certificates.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { client, closed, echo, received, serving, TestServer, until, within } from '../support/in-process.js';
import { requirement } from '../support/requirements.js';
import { certificateDirectory, converse } from '../support/tls-clients.js';

expectNoDescriptorLeak();

/** What a client of this address hears back. */
async function greeting(server: TestServer, host: string): Promise<string> {
  const socket = await client({ port: server.port(), host });
  socket.end('hello');
  return received(socket).catch(() => 'reset');
}

async function listening(
  bind: string,
  allowedNetworks: string[],
  more: ServerOptions = {},
): Promise<TestServer> {
  return serving(echo, { bind, allowedNetworks, ...more });
}

test('refused clients cannot fill the log: ten of them a minute are told of', async () => {
  const server = await listening('tcp://127.0.0.1:0', ['10.0.0.0/8']);
  for (let clients = 0; clients < 30; clients += 1) await greeting(server, '127.0.0.1');
  await until(() => server.log.of('connection refused').length === 30, 'the last one to be refused');
  const levels = server.log.of('connection refused').map(({ level }) => level);
  expect(levels.filter((level) => level === 'warn')).toHaveLength(10);
  expect(new Set(levels.slice(10))).toEqual(new Set(['debug']));
});

describe('allowedNetworks let in', () => {
  test.each([
    ['tcp://127.0.0.1:0', ['127.0.0.1/8'], '127.0.0.1', true],
    ['tcp://127.0.0.1:0', ['10.0.0.0/8', '127.0.0.1'], '127.0.0.1', true],
    ['tcp://127.0.0.1:0', ['10.0.0.0/8'], '127.0.0.1', false],
    ['tcp://127.0.0.1:0', ['::/0'], '127.0.0.1', false],
  ])('to %s with %j: %s is %s', async (bind, networks, host, allowed) => {
    const server = await listening(bind, networks);
    expect(await greeting(server, host)).toMatch(allowed ? /^hello$/ : /^(reset)?$/);
    await until(() => server.activeConnections === 0, 'the connection to be closed');
    expect(server.log.of('connection refused')).toMatchObject(
      allowed
        ? []
        : [
            {
              level: 'warn',
              facts: {
                connection: 1,
                err: {
                  code: 'UNINTERRUPTIBLE_CONNECTION_ADDRESS_REFUSED',
                  message: `${host} is not allowed.`,
                  details: { address: host },
                },
              },
            },
          ],
    );
  });

  test.each([
    [['127.0.0.0/8'], '127.0.0.1', true],
    [['127.0.0.0/8'], '::1', false],
    [['::1'], '::1', true],
    [['::1'], '127.0.0.1', false],
    [['::/0'], '127.0.0.1', false],
    [['0.0.0.0/0'], '::1', false],
    [['::ffff:127.0.0.1'], '127.0.0.1', true],
  ])('to a dual-stack listener with %j: %s is %s', requirement('ipv6'), async (networks, host, allowed) => {
    const server = await listening('tcp://[::]:0', networks);
    expect(await greeting(server, host)).toMatch(allowed ? /^hello$/ : /^(reset)?$/);
  });
});

test(
  'nobody without an address: a client that sent and reset before it was accepted',
  requirement('addon'),
  async () => {
    let handled = 0;
    class LateServer extends TestServer {
      override async warmUp(): Promise<void> {
        const socket = connect(this.port(), '127.0.0.1');
        await once(socket, 'connect');
        await new Promise<void>((resolve) => socket.write('let me in', () => resolve()));
        socket.resetAndDestroy();
        await closed(socket);
      }
    }
    const server = new LateServer(
      () => {
        handled += 1;
      },
      { allowedNetworks: ['0.0.0.0/0', '::/0'] },
    );
    await server.start();
    expect(await server.log.entry('connection refused')).toMatchObject({
      facts: { err: { message: 'unknown is not allowed.', details: { address: 'unknown' } } },
    });
    await until(() => server.activeConnections === 0, 'the connection to be closed');
    expect(handled).toBe(0);
  },
);

describe('allowedNetworks', { ...requirement('openssl') }, () => {
  const pair = makePair(certificateDirectory(), 'server');

  test('are asked before TLS: a stranger gets no byte of a handshake', async () => {
    const tls = { tlsKey: pair.key, tlsCertificate: pair.certificate };
    const server = await listening('tcp://127.0.0.1:0', ['10.0.0.0/8'], tls);
    const outcome = await within(converse(server.port(), 'hello'), 'the refusal');
    expect(outcome).toMatchObject({ answer: '', version: null });
    expect(outcome.error?.message).not.toMatch(/alert/);
    expect(server.log.of('connection refused').map(({ facts }) => facts['err'])).toMatchObject([
      { code: 'UNINTERRUPTIBLE_CONNECTION_ADDRESS_REFUSED' },
    ]);
  });
});
