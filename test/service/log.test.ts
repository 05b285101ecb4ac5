/** What the log says of a service's steps, so that whoever reads it knows what happens and what it waits for. */
import { realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Channel } from '../../src/handover/channel.js';
import { DrainingPeer } from '../../src/handover/draining-peer.js';
import type { ServerOptions } from '../../src/index.js';
import { Log } from '../../src/log/log.js';
import { follow } from '../../src/service/follow.js';
import { member } from '../../src/service/member.js';
import { greeterOf } from '../../src/service/orders.js';
import { Service } from '../../src/service/service.js';
import { makePair } from '../support/certificates.js';
import { pair } from '../support/channels.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { echo, KeptLog, rejection, serving, TestServer, temporaryDirectory } from '../support/in-process.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();
afterEach(() => {
  vi.restoreAllMocks();
});

const DOUBT = 'is that the same service? Each needs a controlPath of its own';

/** Two generations; the names of the UNIX sockets each listens on beside the TCP port they may share. */
async function generations(before: string[], after: string[], shareTcp = true): Promise<KeptLog[]> {
  const directory = temporaryDirectory();
  const options = (names: string[]): ServerOptions => ({
    controlPath: join(directory, 'control'),
    bind: [...(shareTcp ? ['tcp://127.0.0.1:0'] : []), ...names.map((name) => `unix://${directory}/${name}`)],
  });
  const first = await serving(echo, options(before));
  const second = await serving(echo, options(after));
  await first.log.entry('handed over');
  await first.stopped;
  return [first.log, second.log];
}

const complaints = (log: KeptLog): string[] =>
  log.entries
    .filter(({ level }) => level === 'warn' || level === 'error')
    .map(({ level, message }) => `${level}: ${message.replace(/unix:\S*\//, '')}`);

describe('a listener that the new version does not use', requirement('addon'), () => {
  const who = /\((?:\S+@\S+, )?pid \d+\)/;

  test('is warned of by both sides', async () => {
    const [first, second] = (await generations(['a', 'b', 'c'], ['b', 'd'])).map(complaints);
    expect(first?.map((line) => line.replace(who, '(who)'))).toEqual([
      'warn: a is given up: the new version (who) does not listen on it',
      'warn: c is given up: the new version (who) does not listen on it',
    ]);
    expect(first?.[0]).toContain(`pid ${process.pid})`);
    expect(second?.map((line) => line.replace(who, '(who)'))).toEqual([
      'warn: a is given up: the version before (who) listened on it, this one does not',
      'warn: c is given up: the version before (who) listened on it, this one does not',
    ]);
  });

  test('is an error if there is no other: two services may have one control path', async () => {
    const [first, second] = (await generations(['a'], ['b'], false)).map(complaints);
    expect(first?.at(-1)?.replace(who, '(who)')).toBe(
      `error: no listener is shared with the new version (who): ${DOUBT}`,
    );
    expect(second?.at(-1)?.replace(who, '(who)')).toBe(
      `error: no listener is shared with the version before (who): ${DOUBT}`,
    );
  });

  test('is all there is to say: one that is new is nothing to warn of', async () => {
    expect((await generations(['a'], ['a', 'b'])).map(complaints)).toEqual([[], []]);
  });
});

describe('a restart', requirement('addon'), () => {
  test('says in which directory it starts the command, and where links there lead', async () => {
    const directory = realpathSync(temporaryDirectory());
    const current = join(directory, 'current');
    symlinkSync(directory, current);
    const facts = async (workingDirectory: string): Promise<unknown> => {
      const server = await serving(echo, { startCommand: ['true'], workingDirectory });
      await rejection(server.restart());
      return (await server.log.entry('restarting')).facts;
    };
    expect(await facts(current)).toMatchObject({ directory: current, realDirectory: directory });
    const plain = await facts(directory);
    expect(plain).toMatchObject({ directory });
    expect(plain).not.toHaveProperty('realDirectory');
  });

  test('that a stop overtakes is said to be abandoned', async () => {
    const server = await serving(echo, { startCommand: ['sleep', '60'] });
    const restarted = rejection(server.restart());
    const { child } = (await server.log.entry('started')).facts;
    await server.stop();
    await restarted;
    expect(server.log.of('restart abandoned')).toMatchObject([
      { facts: { child, reason: 'The server stopped before the operation was complete.' } },
    ]);
    expect(server.log.of('hand-over failed, serving on')).toEqual([]);
  });
});

describe('warm-up and probe', requirement('addon'), () => {
  class Prepared extends TestServer {
    override warmUp(): void {}
    override async probe(): Promise<void> {}
  }
  class Hanging extends TestServer {
    override warmUp(): Promise<void> {
      return new Promise(() => undefined);
    }
  }
  const steps = ({ log }: TestServer): string[] =>
    log.entries.filter(({ level }) => level === 'info').map(({ message }) => message);

  test('are named before they run', async () => {
    const server = new Prepared();
    await server.start();
    expect(steps(server)).toEqual(['warming up', 'probing', 'serving']);
  });

  test('one that hangs is the last that was named', async () => {
    const server = new Hanging(echo, { readyTimeout: 100 });
    await rejection(server.start());
    expect(steps(server)).toEqual(['warming up']);
  });

  test('are not where the program has none', async () => {
    expect(steps(await serving())).toEqual(['serving']);
  });
});

describe(
  '`serving` says whether clients must speak TLS and come from a network',
  requirement('openssl'),
  () => {
    test('of one server', async () => {
      const { key, certificate } = makePair(temporaryDirectory(), 'server');
      const shown = async (options: ServerOptions): Promise<unknown> => {
        const { tls, allowedNetworks } = (await (await serving(echo, options)).log.entry('serving')).facts;
        return { tls, allowedNetworks };
      };
      expect(await shown({})).toEqual({ tls: 'off', allowedNetworks: 'off' });
      expect(await shown({ tlsKey: key, tlsCertificate: certificate })).toEqual({
        tls: 'on',
        allowedNetworks: 'off',
      });
      expect(
        await shown({ allowedNetworks: ['127.0.0.1'], bind: ['tcp://127.0.0.1:0', 'unix:@serving-says'] }),
      ).toEqual({ tls: 'off', allowedNetworks: 'on' });
    });

    test('at which listeners, if only of one of several', async () => {
      const log = new KeptLog();
      const [open, closed] = [
        new TestServer(echo, { logger: log }),
        new TestServer(echo, {
          logger: log,
          allowedNetworks: ['127.0.0.1'],
          bind: 'tcp://127.0.0.1:0?name=b',
        }),
      ];
      await new Service([open[member], closed[member]], {
        mode: 'start',
        caller: {},
        inherited: undefined,
      }).start();
      expect((await log.entry('serving')).facts).toMatchObject({
        tls: 'off',
        allowedNetworks: [closed.boundListeners[0]?.bound],
      });
    });
  },
);

test(
  'only who can be told to leave is said to be told, when more drain than maxDraining allows',
  requirement('addon'),
  async () => {
    const server = new TestServer(undefined, { maxDraining: 1 });
    const service = new Service([server[member]], { mode: 'start', caller: {}, inherited: undefined });
    await service.start();
    const peers: Channel[] = [];
    const complaint = 'more processes drain than maxDraining allows, the oldest';
    for (const [at, features] of [['hurry'], [], []].entries()) {
      const [channel, peer] = pair();
      peers.push(peer);
      const facts = { pid: at + 1, generation: at + 1, connections: 1, features };
      follow(service, new DrainingPeer(channel, facts));
    }
    expect(
      server.log.entries
        .filter(({ message }) => message.startsWith(complaint))
        .map(({ message, facts }) => [message.slice(complaint.length + 1), facts['predecessor']]),
    ).toEqual([
      ['is told to leave', 1],
      ['is told to leave', 1],
      ['cannot be told to leave', 2],
    ]);
    for (const peer of peers) peer.close();
    await server.stop();
  },
);

test('a stop that the program orders is logged once, with who ordered it', async () => {
  const server = await serving();
  await Promise.all([server.stop(), server.stop()]);
  await server.stop();
  expect(server.log.of('stop ordered')).toMatchObject([{ facts: { by: 'the program' } }]);
});

describe('of what strangers can cause ten lines a minute are logged', () => {
  const error = Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' });
  const expected = [...Array<string>(10).fill('error'), ...Array<string>(5).fill('debug')];

  test('when a listener fails', async () => {
    const server = await serving();
    const { acceptor } = server[member];
    const failing = vi.spyOn(acceptor.listeners[0]!, 'accept').mockImplementation(() => {
      throw error;
    });
    for (let count = 0; count < 15; count++) acceptor.accept();
    failing.mockRestore();
    expect(server.log.of('listener failed').map(({ level }) => level)).toEqual(expected);
  });

  test('when the control path has no descriptor left', () => {
    vi.useFakeTimers();
    try {
      const log = new KeptLog();
      const { exhausted } = greeterOf({
        log: new Log(log, () => 1, { debugging: true }),
      } as unknown as Service);
      for (let count = 0; count < 15; count++) exhausted(error);
      vi.advanceTimersByTime(60_000);
      expect(log.entries.map(({ level }) => level)).toEqual([...expected, 'warn']);
      expect(log.entries.at(-1)?.facts).toMatchObject({ count: 5 });
    } finally {
      vi.useRealTimers();
    }
  });
});
