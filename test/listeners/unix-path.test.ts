import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Binding, loadBinding } from '../../src/binding.js';
import { parseListenAddress } from '../../src/listeners/address.js';
import type { DescriptorListener } from '../../src/listeners/listener.js';
import { openListener } from '../../src/listeners/open-listener.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import {
  ask,
  echo,
  rejection,
  serving,
  TestServer,
  temporaryDirectory,
  within,
} from '../support/in-process.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();

describe('the path of a UNIX listener', { ...requirement('addon') }, () => {
  const loaded = loadBinding();
  const binding = 'binding' in loaded ? loaded.binding : ({} as Binding);

  /** A path whose server was killed: nobody listens, and nobody removed it. */
  function stalePath(): string {
    const path = join(temporaryDirectory(), 'socket');
    binding.listenUnix(path, { type: 'stream', backlog: 1, mode: null }).close();
    return path;
  }

  test('in a directory that does not exist fails the start, which names the directory', async () => {
    const directory = join(temporaryDirectory(), 'missing');
    const server = new TestServer(echo, { bind: `unix://${directory}/socket` });
    expect(await rejection(server.start())).toMatchObject({
      code: 'UNINTERRUPTIBLE_LISTENER_BIND_FAILED',
      message: `unix://${directory}/socket could not be bound: directory ${directory} does not exist`,
    });
  });

  test('of a dead server is replaced', async () => {
    const path = stalePath();
    await serving(echo, { bind: `unix://${path}` });
    expect(await ask({ path }, 'hello')).toBe('hello');
    expect(readdirSync(join(path, '..'))).toEqual(['socket']);
  });

  test('of a living server is never replaced', async () => {
    const path = join(temporaryDirectory(), 'socket');
    const living = createServer((socket) => socket.on('error', () => undefined).end('living')).listen(path);
    onTestFinished(() => void living.close());
    await once(living, 'listening');
    expect(await rejection(serving(echo, { bind: `unix://${path}` }))).toMatchObject({
      code: 'UNINTERRUPTIBLE_LISTENER_ADDRESS_IN_USE',
    });
    expect(await ask({ path }, '')).toBe('living');
  });

  test.each<[string, 'stream' | 'seqpacket', number]>([
    ['whose queue is full', 'stream', 0],
    ['that speaks another type of socket', 'seqpacket', 1],
  ])('of a living server %s is never replaced', async (_, type, backlog) => {
    const path = join(temporaryDirectory(), 'socket');
    const living = binding.listenUnix(path, { type, backlog, mode: null });
    const queued = backlog === 0 ? [binding.connectUnix(path, type)] : [];
    const { ino } = lstatSync(path);
    try {
      expect(await rejection(serving(echo, { bind: `unix://${path}` }))).toMatchObject({
        code: 'UNINTERRUPTIBLE_LISTENER_ADDRESS_IN_USE',
      });
      expect(lstatSync(path).ino).toBe(ino);
    } finally {
      for (const each of [living, ...queued]) each.close();
    }
  });

  test.each<[string, (path: string) => void]>([
    ['a file', (path) => writeFileSync(path, 'precious')],
    ['a directory', (path) => mkdirSync(path)],
    ['a link', (path) => symlinkSync('/nowhere', path)],
    ['a link to the path of a dead server', (path) => symlinkSync(stalePath(), path)],
  ])('that is %s is never replaced', async (_, make) => {
    const path = join(temporaryDirectory(), 'socket');
    make(path);
    const before = lstatSync(path);
    expect(await rejection(serving(echo, { bind: `unix://${path}` }))).toMatchObject({
      code: 'UNINTERRUPTIBLE_LISTENER_PATH_NOT_SOCKET',
      message: `${path} exists and is not a socket; remove it or choose another path.`,
    });
    expect(lstatSync(path)).toEqual(before);
    if (before.isFile()) expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  test('of a dead server is replaced by one of two cold starts, the other fails', async () => {
    const path = stalePath();
    const address = parseListenAddress(`unix://${path}`);
    // The second comes while the first has just found the path dead.
    let second: Promise<DescriptorListener> | undefined;
    const interrupted = {
      ...binding,
      connectUnix: (...args: Parameters<Binding['connectUnix']>) => {
        second ??= openListener(binding, address, 0);
        return binding.connectUnix(...args);
      },
    };
    const first = await openListener(interrupted, address, 0);
    const { ino } = lstatSync(path);
    try {
      expect(await rejection(second!)).toMatchObject({ code: 'UNINTERRUPTIBLE_LISTENER_ADDRESS_IN_USE' });
      expect(lstatSync(path).ino).toBe(ino);
      expect(readdirSync(join(path, '..'))).toEqual(['socket']);
    } finally {
      first.drop();
    }
  });

  test('is bound by one process at a time: who holds the lock for too long is named', async () => {
    const path = join(temporaryDirectory(), 'socket');
    const held = binding.openLockFile(`${path}.uninterruptible-lock`);
    held.tryLock(0);
    try {
      expect(await rejection(serving(echo, { bind: `unix://${path}` }))).toMatchObject({
        code: 'UNINTERRUPTIBLE_LISTENER_ADDRESS_IN_USE',
        message: expect.stringContaining(`${path}.uninterruptible-lock`),
      });
    } finally {
      held.close();
    }
  });

  test('stays through a hand-over and goes at the final stop', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'socket');
    const options = { controlPath: join(directory, 'control'), bind: `unix://${path}` };
    const first = await serving(echo, options);
    const { ino } = lstatSync(path);
    const second = await serving(echo, options);
    await within(first.stopped, 'the old one to leave');
    expect(lstatSync(path).ino).toBe(ino);
    expect(await ask({ path }, 'hello')).toBe('hello');
    await second.stop();
    expect(existsSync(path)).toBe(false);
  });

  test('goes only if it is still ours', async () => {
    const path = join(temporaryDirectory(), 'socket');
    const server = await serving(echo, { bind: `unix://${path}` });
    renameSync(path, `${path}.moved`);
    writeFileSync(path, 'somebody else');
    await server.stop();
    expect(readFileSync(path, 'utf8')).toBe('somebody else');
    expect(existsSync(`${path}.moved`)).toBe(true);
  });

  test('goes when the start fails, unless it was inherited', async () => {
    class FailingServer extends TestServer {
      override warmUp(): Promise<void> {
        return Promise.reject(new Error('cold'));
      }
    }
    const directory = temporaryDirectory();
    const [old, fresh] = [join(directory, 'old'), join(directory, 'fresh')];
    const controlPath = join(directory, 'control');
    await serving(echo, { controlPath, bind: `unix://${old}` });
    const failing = new FailingServer(echo, { controlPath, bind: [`unix://${old}`, `unix://${fresh}`] });
    await rejection(failing.start());
    expect(existsSync(fresh)).toBe(false);
    expect(await ask({ path: old }, 'hello')).toBe('hello');
  });
});
