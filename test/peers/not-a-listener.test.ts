/** What a predecessor may pass instead of a listener: a new process takes none of it for one. */
import { constants, openSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Descriptor } from '../../src/binding.js';
import { closeAfterEach, nativeBinding, own, ownAll } from '../native/support.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { FakePredecessor } from '../support/fake-predecessor.js';
import {
  ask,
  echo,
  rejection,
  serving,
  TestServer,
  temporaryDirectory,
  until,
} from '../support/in-process.js';
import { MESSAGES, RECORD } from '../support/messages.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();
closeAfterEach();

/** From include/uapi/asm-generic/fcntl.h. */
const O_PATH = 0o10000000;

const opened = (path: string, flags: number): Descriptor => own(nativeBinding().adopt(openSync(path, flags)));
const listening = (type: 'stream' | 'seqpacket'): Descriptor =>
  own(nativeBinding().listenUnix(join(temporaryDirectory(), 'socket'), { type, backlog: 8, mode: 0o600 }));

/** Some object of the kernel that this process has anyway. */
function ofKernel(kind: string): Descriptor {
  const fd = readdirSync('/proc/self/fd').find((number) => {
    try {
      return readlinkSync(`/proc/self/fd/${number}`) === `anon_inode:[${kind}]`;
    } catch {
      return false; // what read the directory
    }
  });
  const borrowed = nativeBinding().adopt(Number(fd));
  try {
    return own(borrowed.duplicate());
  } finally {
    borrowed.release();
  }
}

/** Starts a server that is offered this descriptor as its only listener. Returns why it left. */
async function refusal(make: (fake: FakePredecessor) => Descriptor, requested: string): Promise<string> {
  const fake: FakePredecessor = new FakePredecessor((say, { type }) => {
    if (type !== 'take-over') return;
    say({ ...MESSAGES.offer, listeners: 1 });
    const descriptor = make(fake);
    say({ type: 'listeners', listeners: [{ ...RECORD, requested }], descriptors: 1 }, [descriptor]);
    // Its own listener would answer for it as long as anybody has it.
    descriptor.close();
  });
  const server = new TestServer(echo, { controlPath: fake.controlPath, bind: requested });
  const error = await rejection(server.start());
  expect(error.code).toBe('UNINTERRUPTIBLE_HANDOVER_PROTOCOL');
  await until(() => fake.heard.includes('failed'), 'the predecessor to be told');
  expect(fake.heard).toEqual(['take-over', 'received', 'failed']);
  const told = server.log.entries.filter(({ level }) => level === 'warn' || level === 'error');
  expect(told).toMatchObject([{ message: 'could not start', facts: { err: error } }]);
  fake.close();
  expect(await ask(await serving(echo, { controlPath: fake.controlPath }), 'hello')).toBe('hello');
  return error.message;
}

describe('a new process is not deceived by', requirement('addon', 'proc'), () => {
  test.each<[string, (fake: FakePredecessor) => Descriptor]>([
    ['a directory', () => opened('/', constants.O_RDONLY)],
    ['a path', () => opened('/proc', O_PATH)],
    ['a device', () => opened('/dev/null', constants.O_RDWR)],
    ['memory', () => own(nativeBinding().anonymousFile('memory'))],
    ['an eventfd', () => ofKernel('eventfd')],
    ['an epoll instance', () => ofKernel('eventpoll')],
    ['a process', () => own(nativeBinding().openProcess(process.pid))],
    ['one end of a pipe', () => ownAll(nativeBinding().pipe())[1]],
  ])('%s', async (_name, make) => {
    expect(await refusal(make, 'tcp://127.0.0.1:0')).toContain('is not a listening tcp socket (no socket)');
  });

  test.each<[string, string, string, (fake: FakePredecessor) => Descriptor]>([
    [
      'a datagram socket',
      'tcp://127.0.0.1:0',
      'unix, datagram, not listening',
      () => own(nativeBinding().bindDatagram(join(temporaryDirectory(), 'socket'))),
    ],
    [
      'a TCP listener where one on a path is due',
      'unix:///nowhere/socket',
      'inet, stream, listening',
      () => own(nativeBinding().listenTcp('127.0.0.1', 0, { backlog: 1, ipv6Only: false })),
    ],
    [
      'a listener on a path that was shut down, and still says that it listens',
      'unix:///nowhere/socket',
      'unix, stream, not listening',
      () => {
        const listener = listening('stream');
        listener.shutdown();
        return listener;
      },
    ],
    [
      'an end of a connection',
      'unix:///nowhere/socket',
      'unix, stream, not listening',
      () => ownAll(nativeBinding().socketPair('stream'))[0],
    ],
    [
      'a listener for packets',
      'unix:///nowhere/socket',
      'unix, seqpacket, listening',
      () => listening('seqpacket'),
    ],
    [
      'the control socket of its predecessor',
      'unix:///nowhere/socket',
      'unix, seqpacket, listening',
      (fake) => fake.listener,
    ],
    [
      'the other end of its own connection',
      'unix:///nowhere/socket',
      'unix, seqpacket, not listening',
      (fake) => fake.connection,
    ],
  ])('%s', async (_name, requested, found, make) => {
    expect(await refusal(make, requested)).toContain(`(${found})`);
  });
});
