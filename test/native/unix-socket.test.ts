import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import type { Descriptor } from '../../src/binding.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';
import {
  Child,
  closeAfterEach,
  errorOf,
  fixturePath,
  inTime,
  LONG_TEST_MILLISECONDS,
  nativeBinding,
  own,
  Peer,
  temporaryDirectory,
} from './support.js';

expectNoDescriptorLeak();
closeAfterEach();

function listen(
  path: string,
  mode: number | null = 0o600,
  type: 'stream' | 'seqpacket' = 'stream',
): Descriptor {
  return own(nativeBinding().listenUnix(path, { type, backlog: 16, mode }));
}

describe('listenUnix', requirement('addon', 'proc'), () => {
  test.each(['stream', 'seqpacket'] as const)('gives a listening %s socket at the path', (type) => {
    const path = join(temporaryDirectory(), 'socket');
    const listener = listen(path, 0o600, type);
    expect(lstatSync(path).isSocket()).toBe(true);
    expect(listener.inspect()).toEqual({ family: 'unix', type, listening: true, address: path, port: 0 });
    const connection = own(nativeBinding().connectUnix(path, type));
    expect(connection.inspect()).toMatchObject({ type, listening: false, address: '' });
    const accepted = own(listener.accept()!);
    expect(accepted.inspect()).toMatchObject({ type, listening: false, address: path });
  });

  test('serves connections of Node', async () => {
    const path = join(temporaryDirectory(), 'socket');
    const listener = listen(path);
    const client = connect(path);
    await inTime(once(client, 'connect'), 'the connection');
    own(listener.accept()!).close();
    client.resume();
    await inTime(once(client, 'close'), 'the end');
  });

  test('never unlinks what is there: EADDRINUSE for a socket, a file and a dangling link', () => {
    const directory = temporaryDirectory();
    const [socket, file, link] = ['socket', 'file', 'link'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    listen(socket).close();
    writeFileSync(file, '');
    symlinkSync('nowhere', link);
    for (const path of [socket, file, link]) {
      expect(errorOf(() => listen(path))).toMatchObject({
        message: `EADDRINUSE: address already in use, bind ${path}`,
        code: 'EADDRINUSE',
        errno: -98,
        syscall: 'bind',
        path,
      });
    }
    expect(readdirSync(directory).sort()).toEqual(['file', 'link', 'socket']);
  });

  test('leaves the path when it is closed', () => {
    const path = join(temporaryDirectory(), 'socket');
    listen(path).close();
    expect(existsSync(path)).toBe(true);
  });
});

describe('the mode of a socket file', requirement('addon', 'proc'), () => {
  const umasks = [0o000, 0o022, 0o027, 0o077, 0o177, 0o777].map((umask) => ({
    umask,
    octal: umask.toString(8).padStart(4, '0'),
  }));
  const modes = [0o000, 0o600, 0o660, 0o666, 0o777, 0o070];

  test.each(umasks)('is exactly what was asked for under umask $octal', ({ umask }) => {
    const directory = temporaryDirectory();
    withUmask(umask, () => {
      for (const mode of modes) {
        const path = join(directory, mode.toString(8));
        listen(path, mode);
        expect(statSync(path).mode & 0o7777).toBe(mode);
      }
    });
  });

  test('is never wider, not for an instant', { timeout: LONG_TEST_MILLISECONDS }, async () => {
    const path = join(temporaryDirectory(), 'socket');
    const shared = new Int32Array(new SharedArrayBuffer(8));
    const workerData = { path, shared };
    const worker = new Worker(new URL('./fixtures/watch-mode.mjs', import.meta.url), { workerData });
    const answer = once(worker, 'message') as Promise<[number[]]>;
    await once(worker, 'online');
    const deadline = performance.now() + LONG_TEST_MILLISECONDS / 2;
    withUmask(0, () => {
      while (Atomics.load(shared, 0) < 2_000 && performance.now() < deadline) {
        listen(path, 0o600).close();
        unlinkSync(path);
      }
    });
    Atomics.store(shared, 1, 1);
    const [modes] = await answer;
    await worker.terminate();
    expect(modes).toEqual([0o600]);
  });

  test.each(umasks)('is what umask $octal leaves when none is asked for', ({ umask }) => {
    const path = join(temporaryDirectory(), 'socket');
    withUmask(umask, () => listen(path, null));
    expect(statSync(path).mode & 0o7777).toBe(0o777 & ~umask);
  });

  function withUmask(umask: number, action: () => void): void {
    const previous = process.umask(umask);
    try {
      action();
    } finally {
      process.umask(previous);
    }
  }
});

describe('a listener that cannot be finished', requirement('addon', 'proc'), () => {
  test('leaves no path behind', async () => {
    const path = join(temporaryDirectory(), 'socket');
    const child = new Child('sh', [
      '-c',
      'ulimit -n 64; exec "$0" "$@"',
      process.execPath,
      fixturePath('listen-without-room'),
      path,
    ]);
    expect(await child.result()).toEqual({ code: 'EMFILE', syscall: 'open', leaked: 0 });
    expect(existsSync(path)).toBe(false);
  });
});

describe('a path too long for sun_path', requirement('addon', 'proc'), () => {
  test.each([150, 300])('is bound and connected whole, in a directory of %i characters', async (length) => {
    const directory = longDirectory(length);
    expect(directory).toHaveLength(length);
    const path = join(directory, 'socket');
    const listener = listen(path, 0o640, 'seqpacket');
    expect(readdirSync(directory)).toEqual(['socket']);
    expect(lstatSync(path).isSocket()).toBe(true);
    expect(lstatSync(path).mode & 0o7777).toBe(0o640);

    const client = new Peer(nativeBinding().connectUnix(path, 'seqpacket'));
    const server = new Peer(listener.accept()!);
    client.send('through');
    await server.event(true, false);
    expect(server.packet().text).toBe('through');
    expect(errorOf(() => listen(path)).code).toBe('EADDRINUSE');
  });

  test('of 107 bytes still fits, and of 108 goes through its directory', () => {
    for (const length of [107, 108]) {
      const path = join(temporaryDirectory(), 'x').padEnd(length, 'y');
      listen(path);
      own(nativeBinding().connectUnix(path, 'stream'));
      expect(lstatSync(path).isSocket()).toBe(true);
    }
  });

  test('is refused, never cut, when even its last component does not fit', () => {
    const directory = longDirectory(150);
    const path = join(directory, 'n'.repeat(107));
    for (const use of [() => listen(path), () => nativeBinding().connectUnix(path, 'stream')]) {
      expect(errorOf(use)).toMatchObject({ code: 'ENAMETOOLONG', errno: -36, path });
    }
    expect(readdirSync(directory)).toEqual([]);
  });

  test('is refused when it is longer than any path can be', () => {
    const path = `${'/directory'.repeat(500)}/socket`;
    expect(errorOf(() => listen(path))).toMatchObject({ code: 'ENAMETOOLONG', path });
    expect(errorOf(() => nativeBinding().openLockFile(path))).toMatchObject({ code: 'ENAMETOOLONG', path });
  });

  test('says what is wrong with its directory', () => {
    const path = join(longDirectory(150), 'missing', 'socket');
    expect(errorOf(() => listen(path))).toMatchObject({ code: 'ENOENT', syscall: 'open', path });
  });

  function longDirectory(length: number): string {
    let directory = temporaryDirectory();
    while (directory.length < length) {
      directory += `/${'d'.repeat(Math.min(80, length - directory.length - 1))}`;
    }
    mkdirSync(directory, { recursive: true });
    return directory;
  }
});

describe('an abstract name', requirement('addon', 'proc'), () => {
  test('is listened on, connected to, and gone with its last descriptor', () => {
    const name = `@${randomUUID()}`;
    const listener = listen(name, 0o600);
    expect(listener.inspect().address).toBe(name);
    own(nativeBinding().connectUnix(name, 'stream'));
    own(listener.accept()!);
    expect(errorOf(() => listen(name))).toMatchObject({ code: 'EADDRINUSE', path: name });
    listener.close();
    expect(errorOf(() => nativeBinding().connectUnix(name, 'stream')).code).toBe('ECONNREFUSED');
    listen(name);
  });

  test('may have 107 bytes after its @, and not more', () => {
    const name = `@${randomUUID()}`.padEnd(108, 'x');
    expect(listen(name).inspect().address).toBe(name);
    expect(errorOf(() => listen(`${name}x`)).code).toBe('ENAMETOOLONG');
  });
});

test.each(['', '@', '/tmp/a\0b', '@a\0b'])('the name %j is refused', requirement('addon', 'proc'), (name) => {
  expect(errorOf(() => listen(name)).code).toBe('EINVAL');
  expect(errorOf(() => nativeBinding().connectUnix(name, 'stream')).code).toBe('EINVAL');
});

describe('connectUnix', requirement('addon', 'proc'), () => {
  test('says why it cannot', () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'socket');
    const connectTo = (type: 'stream' | 'seqpacket') => () => nativeBinding().connectUnix(path, type);
    expect(errorOf(connectTo('stream'))).toMatchObject({
      message: `ENOENT: no such file or directory, connect ${path}`,
      code: 'ENOENT',
      errno: -2,
      syscall: 'connect',
      path,
    });
    const listener = listen(path);
    expect(errorOf(connectTo('seqpacket')).code).toBe('EPROTOTYPE');
    listener.close();
    expect(errorOf(connectTo('stream')).code).toBe('ECONNREFUSED');
  });

  test('does not wait for room in the queue: EAGAIN', () => {
    const name = `@${randomUUID()}`;
    own(nativeBinding().listenUnix(name, { type: 'stream', backlog: 1, mode: null }));
    const error = errorOf(() => {
      for (let i = 0; i < 5; i += 1) own(nativeBinding().connectUnix(name, 'stream'));
    });
    expect(error).toMatchObject({ code: 'EAGAIN', syscall: 'connect' });
  });
});

describe('shutdown of a listener', requirement('addon', 'proc'), () => {
  test('leaves what is queued to accept(), then null; nobody can connect any more', () => {
    const path = join(temporaryDirectory(), 'socket');
    const listener = listen(path, 0o600, 'seqpacket');
    const duplicate = own(listener.duplicate());
    const clients = ['a', 'b', 'c'].map((text) => {
      const client = new Peer(nativeBinding().connectUnix(path, 'seqpacket'));
      client.send(text);
      return client;
    });
    duplicate.shutdown();

    expect(errorOf(() => nativeBinding().connectUnix(path, 'seqpacket')).code).toBe('ECONNREFUSED');
    const accepted = clients.map(() => new Peer(listener.accept()!));
    expect(accepted.map((peer) => peer.packet().text)).toEqual(['a', 'b', 'c']);
    expect(listener.accept()).toBeNull();
    expect(listener.accept()).toBeNull();
  });
});
