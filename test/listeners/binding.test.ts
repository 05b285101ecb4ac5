import { lstatSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Descriptor, loadBinding } from '../../src/binding.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import {
  ask,
  destroyedAtEnd,
  echo,
  received,
  rejection,
  serving,
  temporaryDirectory,
  within,
} from '../support/in-process.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();

/** Whether somebody answers there. */
async function answers(host: string, port: number): Promise<boolean> {
  return ask({ host, port }, 'hello').then(
    (answer) => answer === 'hello',
    () => false,
  );
}

/** By the addon: Node 20 cannot connect to abstract names. */
async function askAbstract(name: string, text: string): Promise<string> {
  const loaded = loadBinding();
  if (!('binding' in loaded)) throw new Error(loaded.unavailable);
  const socket = new Socket({ fd: loaded.binding.connectUnix(name, 'stream').release() });
  destroyedAtEnd(socket);
  socket.end(text);
  return received(socket);
}

/** How many can connect in one tick, in which nobody accepts. */
function roomAt(path: string): number {
  const loaded = loadBinding();
  if (!('binding' in loaded)) throw new Error(loaded.unavailable);
  const clients: Descriptor[] = [];
  try {
    for (;;) clients.push(loaded.binding.connectUnix(path, 'stream'));
  } catch (error) {
    expect(error).toMatchObject({ code: 'EAGAIN' });
    return clients.length;
  } finally {
    for (const client of clients) client.close();
  }
}

describe('a TCP listener', () => {
  test('on IPv4 is reached by IPv4', async () => {
    const server = await serving(echo, { bind: 'tcp://127.0.0.1:0' });
    expect(server.boundListeners).toMatchObject([
      { address: '127.0.0.1', bound: `tcp://127.0.0.1:${server.port()}` },
    ]);
    expect(await answers('127.0.0.1', server.port())).toBe(true);
  });

  test.each([
    ['tcp://[::1]:0', false, true],
    ['tcp://[::]:0', true, true],
    ['tcp://[::]:0?ipv6only=1', false, true],
    ['tcp://0.0.0.0:0', true, false],
  ])('on %s is reached by IPv4: %s, by IPv6: %s', requirement('ipv6'), async (bind, v4, v6) => {
    const server = await serving(echo, { bind });
    expect([await answers('127.0.0.1', server.port()), await answers('::1', server.port())]).toEqual([
      v4,
      v6,
    ]);
  });

  test('may be named by a host', async () => {
    const server = await serving(echo, { bind: 'tcp://localhost:0' });
    expect(['127.0.0.1', '::1']).toContain(server.boundListeners[0]?.address);
  });

  test('of which the kernel chooses the port keeps it', requirement('addon'), async () => {
    const controlPath = join(temporaryDirectory(), 'control');
    // Two listeners of one requested address, told apart by their order.
    const bind = ['tcp://127.0.0.1:0?name=a', 'tcp://127.0.0.1:0?name=b'];
    const first = await serving(echo, { controlPath, bind });
    const ports = [first.port('a'), first.port('b')];
    expect(new Set(ports).size).toBe(2);
    const second = await serving(echo, { controlPath, bind });
    expect([second.port('a'), second.port('b')]).toEqual(ports);
    await within(first.stopped, 'the old one to leave');
    expect(await answers('127.0.0.1', ports[1]!)).toBe(true);
  });

  test('on a port that is taken fails the start and says so', async () => {
    const other = await serving();
    const error = await rejection(
      serving(echo, { bind: [`tcp://127.0.0.1:0`, `tcp://127.0.0.1:${other.port()}`] }),
    );
    expect(error).toMatchObject({
      code: 'UNINTERRUPTIBLE_LISTENER_ADDRESS_IN_USE',
      message: expect.stringContaining(`tcp://127.0.0.1:${other.port()}`),
      cause: { code: 'EADDRINUSE', syscall: expect.any(String) },
    });
    expect(await answers('127.0.0.1', other.port())).toBe(true);
  });

  test('on an address of another machine fails the start with the reason of the kernel', async () => {
    expect(await rejection(serving(echo, { bind: 'tcp://192.0.2.1:0' }))).toMatchObject({
      code: 'UNINTERRUPTIBLE_LISTENER_BIND_FAILED',
      cause: { code: 'EADDRNOTAVAIL' },
    });
  });
});

describe('a UNIX listener', { ...requirement('addon') }, () => {
  test.each([
    ['?mode=0660', 0o660],
    ['?mode=0600', 0o600],
    ['?mode=0666', 0o666],
    ['', 0o755],
  ])('with %j has its mode, whatever the umask', async (query, mode) => {
    const path = join(temporaryDirectory(), 'socket');
    const umask = process.umask(0o022);
    try {
      const server = await serving(echo, { bind: `unix://${path}${query}` });
      expect(server.boundListeners).toMatchObject([{ kind: 'unix', address: path, port: 0 }]);
      expect(lstatSync(path).mode & 0o777).toBe(mode);
      expect(await ask({ path }, 'hello')).toBe('hello');
    } finally {
      process.umask(umask);
    }
  });

  test('gets the mode the next generation asks for', async () => {
    const directory = temporaryDirectory();
    const [controlPath, path] = [join(directory, 'control'), join(directory, 'socket')];
    await serving(echo, { controlPath, bind: `unix://${path}?mode=0600` });
    await serving(echo, { controlPath, bind: `unix://${path}?mode=0660` });
    expect(lstatSync(path).mode & 0o777).toBe(0o660);
  });

  test('has the backlog that was configured, in each generation', async () => {
    const directory = temporaryDirectory();
    const [controlPath, path] = [join(directory, 'control'), join(directory, 'socket')];
    const bind = `unix://${path}?backlog=2`;
    const first = await serving(echo, { controlPath, bind });
    // One more than the backlog waits (listen(2)).
    expect(roomAt(path)).toBe(3);
    await serving(echo, { controlPath, bind });
    await within(first.stopped, 'the old one to leave');
    expect(roomAt(path)).toBe(3);
  });

  test('may have a name that is in no file system', async () => {
    const name = `uninterruptible-test-${process.pid}`;
    const server = await serving(echo, { bind: `unix:@${name}` });
    expect(server.boundListeners).toMatchObject([
      { kind: 'unix', address: `@${name}`, bound: `unix:@${name}` },
    ]);
    expect(await askAbstract(`@${name}`, 'hello')).toBe('hello');
    expect(await rejection(serving(echo, { bind: `unix:@${name}` }))).toMatchObject({
      code: 'UNINTERRUPTIBLE_LISTENER_ADDRESS_IN_USE',
    });
  });

  test('may stand beside others of every kind', async () => {
    const directory = temporaryDirectory();
    const names = ['tcp', 'path', 'abstract'];
    const bind = [
      'tcp://127.0.0.1:0?name=tcp',
      `unix://${directory}/socket?name=path`,
      `unix:@uninterruptible-test-${process.pid}-2?name=abstract`,
    ];
    const server = await serving(
      async (socket, { listener }) => {
        socket.write(listener.name);
      },
      { bind },
    );
    expect(server.boundListeners.map(({ name }) => name)).toEqual(names);
    const answers = [
      ask({ port: server.port('tcp'), host: '127.0.0.1' }, ''),
      ask({ path: `${directory}/socket` }, ''),
      askAbstract(`@uninterruptible-test-${process.pid}-2`, ''),
    ];
    expect(await Promise.all(answers)).toEqual(names);
  });
});
