import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { requirement } from '../support/requirements.js';
import { Child, closeAfterEach, errorOf, inTime, nativeBinding, own, ownAll, Peer } from './support.js';

expectNoDescriptorLeak();
closeAfterEach();

describe('watching', requirement('addon', 'proc'), () => {
  test('calls back while something can be read, and not otherwise', async () => {
    const [sender, receiver] = Peer.pair();
    sender.send('one');
    expect(await receiver.event(true, false)).toEqual({ readable: true, writable: false });
    // Level triggered: nothing was read.
    expect(await receiver.event(true, true)).toEqual({ readable: true, writable: true });
    receiver.packet();
    expect(await receiver.event(true, true)).toEqual({ readable: false, writable: true });
  });

  test('a full queue makes send() false, and reading one packet makes it writable again', async () => {
    const [sender, receiver] = Peer.pair();
    let sent = 0;
    while (sender.send(`packet ${sent}`)) sent += 1;
    expect(sent).toBeGreaterThan(0);
    expect(sender.send('refused')).toBe(false);

    const writable = sender.event(false, true);
    for (let received = 0; received < sent; received += 1) {
      expect(receiver.packet().text).toBe(`packet ${received}`);
    }
    expect(await writable).toEqual({ readable: false, writable: true });
    expect(receiver.socket.receive(16)).toBeNull();
    expect(sender.send('more')).toBe(true);
  });

  test('goes on in the callback that changes it', async () => {
    const [sender, receiver] = Peer.pair();
    const received: string[] = [];
    sender.send('first');
    while (received.length < 2) {
      await receiver.event(true, false);
      received.push(receiver.packet().text);
      if (received.length === 1) sender.send('second');
    }
    expect(received).toEqual(['first', 'second']);
  });

  test('ends at once when the callback closes the socket', async () => {
    const [sender, end] = nativeBinding().socketPair('seqpacket');
    const peer = new Peer(sender);
    const calls: number[] = [];
    await inTime(
      new Promise<void>((resolve) => {
        const socket = own(
          new (nativeBinding().ControlSocket)(end, () => {
            calls.push(socket.fd);
            socket.close();
            setImmediate(() => setImmediate(resolve));
          }),
        );
        socket.watch(true, true);
      }),
      'the callback',
    );
    expect(calls).toHaveLength(1);
    expect(peer.socket.receive(16)).toEqual({ kind: 'end' });
  });

  test('goes on after an error of the socket, through to the end of what the peer sent', async () => {
    const [ours, theirs] = nativeBinding().socketPair('seqpacket');
    const leaving = new Peer(theirs);
    const log: string[] = [];
    const end = new Promise<void>((resolve) => {
      const socket = own(
        new (nativeBinding().ControlSocket)(ours, () => {
          try {
            const received = socket.receive(16);
            log.push(received?.kind ?? 'nothing');
            if (received?.kind !== 'end') return;
            socket.close();
            resolve();
          } catch (error) {
            log.push(String((error as NodeJS.ErrnoException).code));
          }
        }),
      );
      socket.send(Buffer.from('never read'), []);
      socket.watch(true, false); // once, and never touched again
    });
    leaving.send('last word');
    leaving.socket.close();
    await inTime(end, 'the end');
    expect(log).toEqual(['ECONNRESET', 'packet', 'end']);
  });

  test('a listening socket becomes readable with a connection; accept() is null when none is left', async () => {
    const name = `@${randomUUID()}`;
    const options = { type: 'seqpacket', backlog: 8, mode: null } as const;
    const listener = new Peer(nativeBinding().listenUnix(name, options));
    expect(listener.socket.accept()).toBeNull();
    const client = new Peer(nativeBinding().connectUnix(name, 'seqpacket'));
    expect(await listener.event(true, false)).toEqual({ readable: true, writable: false });
    const accepted = new Peer(listener.socket.accept()!);
    expect(listener.socket.accept()).toBeNull();
    client.send('hello');
    expect(accepted.packet().text).toBe('hello');
    expect(accepted.socket.peerCredentials()).toEqual({
      pid: process.pid,
      uid: process.getuid?.(),
      gid: process.getgid?.(),
    });
  });
});

describe('a control socket', requirement('addon', 'proc'), () => {
  test('takes its descriptor over', () => {
    const [descriptor, other] = ownAll(nativeBinding().socketPair('seqpacket'));
    const { fd } = descriptor;
    const socket = own(new (nativeBinding().ControlSocket)(descriptor, () => {}));
    expect([descriptor.fd, socket.fd]).toEqual([-1, fd]);
    expect(errorOf(() => descriptor.inspect()).code).toBe('EBADF');
    expect(other.fd).toBeGreaterThan(0);
  });

  test('refuses what is not a SEQPACKET socket, and leaves it to its owner', () => {
    const [stream] = ownAll(nativeBinding().socketPair('stream'));
    const [pipe] = ownAll(nativeBinding().pipe());
    const tcp = own(nativeBinding().listenTcp('127.0.0.1', 0, { backlog: 1, ipv6Only: false }));
    const create = (descriptor: typeof stream) => () =>
      new (nativeBinding().ControlSocket)(descriptor, () => {});
    expect(errorOf(create(stream)).code).toBe('EPROTOTYPE');
    expect(errorOf(create(tcp)).code).toBe('EPROTOTYPE');
    expect(errorOf(create(pipe)).code).toBe('ENOTSOCK');
    expect([stream, pipe, tcp].every(({ fd }) => fd >= 0)).toBe(true);
  });

  test('closed, has no number, and answers EBADF; closing again does nothing', () => {
    const [{ socket }] = Peer.pair();
    socket.close();
    socket.close();
    socket.ref();
    socket.unref();
    expect(socket.fd).toBe(-1);
    for (const use of [
      () => socket.watch(true, false),
      () => socket.send(Buffer.from('x'), []),
      () => socket.receive(16),
      () => socket.accept(),
      () => socket.peerCredentials(),
    ]) {
      expect(errorOf(use)).toMatchObject({ code: 'EBADF', errno: -9 });
    }
  });

  test('is not garbage collected while it is watched', async () => {
    expect(await Child.fixture('garbage').result()).toMatchObject({ readable: true });
  });
});

describe('the event loop', requirement('addon', 'proc'), () => {
  test('is not kept alive by a watched socket', async () => {
    expect(await Child.fixture('event-loop', ['idle']).exit()).toEqual({ code: 0, signal: null });
  });

  test('is kept alive by a watched socket after ref(), until close()', async () => {
    expect(await Child.fixture('event-loop', ['ref']).result()).toEqual(['event', 'closed']);
  });

  test('gets an exception of the callback as uncaughtException', async () => {
    expect(await Child.fixture('event-loop', ['throw']).result()).toEqual(['thrown in the callback']);
  });

  test('ends the process on an exception of the callback that nobody handles', async () => {
    const child = Child.fixture('event-loop', ['throw-unhandled']);
    expect(await child.exit()).toEqual({ code: 1, signal: null });
    expect(await child.stderr()).toContain('Error: thrown in the callback');
  });

  test('runs microtasks after each callback, and keeps the context of AsyncLocalStorage', async () => {
    expect(await Child.fixture('event-loop', ['context']).result()).toEqual([
      'callback',
      'microtask',
      'ours',
    ]);
  });
});
