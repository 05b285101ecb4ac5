import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import type { Descriptor } from '../../src/binding.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';
import { Child, closeAfterEach, errorOf, inTime, nativeBinding, own } from './support.js';

expectNoDescriptorLeak();
closeAfterEach();

function listen(address: string, port = 0, ipv6Only = false): Descriptor {
  return own(nativeBinding().listenTcp(address, port, { backlog: 16, ipv6Only }));
}

/** Connects and hangs up; rejects as the socket does. */
async function visit(host: string, port: number): Promise<void> {
  const client = connect({ host, port });
  try {
    await inTime(once(client, 'connect'), `a connection to ${host}`);
  } finally {
    client.destroy();
  }
  await once(client, 'close');
}

describe('listenTcp', requirement('addon', 'proc'), () => {
  test('listens on an IPv4 address, on a port the kernel chose', async () => {
    const listener = listen('127.0.0.1');
    const { port, ...facts } = listener.inspect();
    expect(facts).toEqual({ family: 'inet', type: 'stream', listening: true, address: '127.0.0.1' });
    expect(port).toBeGreaterThan(0);
    expect(listener.accept()).toBeNull();
    await visit('127.0.0.1', port);
    expect(own(listener.accept()!).inspect()).toMatchObject({ listening: false, address: '127.0.0.1', port });
  });

  test('says what it could not bind', () => {
    const { port } = listen('127.0.0.1').inspect();
    expect(errorOf(() => listen('127.0.0.1', port))).toMatchObject({
      message: `EADDRINUSE: address already in use, bind 127.0.0.1:${port}`,
      code: 'EADDRINUSE',
      errno: -98,
      syscall: 'bind',
      address: '127.0.0.1',
      port,
    });
    expect(errorOf(() => listen('192.0.2.1')).code).toBe('EADDRNOTAVAIL');
  });

  test('refuses connections after shutdown(); accept() is null', async () => {
    const listener = listen('127.0.0.1');
    const { port } = listener.inspect();
    listener.shutdown();
    expect(listener.accept()).toBeNull();
    await expect(visit('127.0.0.1', port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('binds again at once after a connection was closed on this side', async () => {
    const listener = listen('127.0.0.1');
    const { port } = listener.inspect();
    const client = connect({ host: '127.0.0.1', port });
    await inTime(once(client, 'connect'), 'the connection');
    own(listener.accept()!).close(); // leaves TIME_WAIT here
    listener.close();
    client.resume();
    await inTime(once(client, 'close'), 'the end');
    expect(listen('127.0.0.1', port).inspect().port).toBe(port);
  });

  test.each(['localhost', '', '127.0.0.1 ', '127.1', '1.2.3.4.5', '::1%', '[::1]', '::1\0', ':'.repeat(200)])(
    'resolves nothing: %j is refused',
    (address) => {
      expect(['EINVAL', 'ENODEV']).toContain(errorOf(() => listen(address)).code);
    },
  );
});

describe('listenTcp on IPv6', requirement('addon', 'proc', 'ipv6'), () => {
  test('takes both families on `::`', async () => {
    const listener = listen('::');
    const { port, ...facts } = listener.inspect();
    expect(facts).toEqual({ family: 'inet6', type: 'stream', listening: true, address: '::' });
    await visit('::1', port);
    await visit('127.0.0.1', port);
    own(listener.accept()!);
    expect(own(listener.accept()!).inspect().address).toBe('::ffff:127.0.0.1');
  });

  test('takes IPv6 alone when told so, and leaves the port to IPv4', async () => {
    const listener = listen('::', 0, true);
    const { port } = listener.inspect();
    await visit('::1', port);
    own(listener.accept()!);
    await expect(visit('127.0.0.1', port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(listen('0.0.0.0', port).inspect().port).toBe(port);
  });

  test('takes a link-local address with its scope', (context) => {
    const [name, link] =
      Object.entries(networkInterfaces())
        .flatMap(([name, addresses]) => (addresses ?? []).map((address) => [name, address] as const))
        .find(([, { address }]) => address.startsWith('fe80:')) ?? [];
    if (link === undefined) return context.skip('this machine has no link-local address');
    const scoped = `${link.address}%${name}`;
    expect(listen(scoped).inspect()).toMatchObject({ family: 'inet6', address: scoped });
    expect(errorOf(() => listen(`${link.address}%nowhere`))).toMatchObject({
      code: 'ENODEV',
      syscall: 'if_nametoindex',
    });
  });
});

test(
  'an accepted socket has no-delay and keep-alive from its listener',
  requirement('addon', 'proc', 'python3'),
  async () => {
    const listener = listen('127.0.0.1');
    await visit('127.0.0.1', listener.inspect().port);
    const accepted = own(listener.accept()!);
    const program = `
import json, os, socket
s = socket.socket(fileno=3)
print(json.dumps({
  "SO_KEEPALIVE": s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
  "TCP_NODELAY": s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
  "TCP_KEEPIDLE": s.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
  "TCP_KEEPINTVL": s.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
  "TCP_KEEPCNT": s.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
  "blocking": os.get_blocking(3),
}))`;
    const child = new Child('python3', ['-c', program], ['ignore', 'pipe', 'pipe', accepted.fd]);
    expect(await child.result()).toEqual({
      SO_KEEPALIVE: 1,
      TCP_NODELAY: 1,
      TCP_KEEPIDLE: 60,
      TCP_KEEPINTVL: 15,
      TCP_KEEPCNT: 4,
      blocking: false,
    });
  },
);
