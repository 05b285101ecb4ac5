/** What a predecessor can do to a new process: say the wrong thing, nothing, or no end of things. */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import type { Descriptor } from '../../src/binding.js';
import { MAX_DESCRIPTORS } from '../../src/handover/protocol.js';
import type { ServerOptions } from '../../src/index.js';
import { closeAfterEach } from '../native/support.js';
import { pipes } from '../support/channels.js';
import { expectNoDescriptorLeak, openDescriptors } from '../support/descriptors.js';
import { FakePredecessor, type Say } from '../support/fake-predecessor.js';
import { ask, echo, rejection, serving, TestServer, within } from '../support/in-process.js';
import { BOMBS, MESSAGES, RECORD, TYPES } from '../support/messages.js';
import { requirement } from '../support/requirements.js';

/** What takes seconds takes tenths here: what is waited for is the same. */
vi.mock(import('../../src/handover/protocol.js'), async (original) => {
  const protocol = await original();
  const WAITS = {
    ...protocol.WAITS,
    firstPacket: 300,
    batch: 300,
    yours: 300,
    farewell: 100,
    ownerLock: 100,
    settle: 0,
  };
  return { ...protocol, WAITS: WAITS as never };
});

expectNoDescriptorLeak();
closeAfterEach();

/** What is said after each packet of the new process. */
type Lines = Partial<Record<'take-over' | 'received' | 'ready' | 'owner', (say: Say) => void>>;

/** Up to the listeners, and none of them. */
const OFFERED: Lines = { 'take-over': (say) => say(MESSAGES.offer) };
/** One listener is due. */
const LISTENER_DUE: Lines = { 'take-over': (say) => say({ ...MESSAGES.offer, listeners: 1 }) };

function fakeOf(lines: Lines): FakePredecessor {
  return new FakePredecessor((say, { type }) => lines[type as keyof Lines]?.(say));
}

/** Says something else after what it says anyway. */
function then(lines: Lines, when: keyof Lines, what: (say: Say) => void): Lines {
  return {
    ...lines,
    [when]: (say: Say) => {
      lines[when]?.(say);
      what(say);
    },
  };
}

/** As many descriptors as a packet can bring. */
function many(): Descriptor[] {
  return pipes(MAX_DESCRIPTORS);
}

interface Failed {
  code: string;
  message: string;
  server: TestServer;
}

/** Starts a server whose predecessor says these lines: it leaves, says why once, and another can start there. */
async function failed(lines: Lines | FakePredecessor, options: ServerOptions = {}): Promise<Failed> {
  const fake = lines instanceof FakePredecessor ? lines : fakeOf(lines);
  const { controlPath } = fake;
  const server = new TestServer(echo, { controlPath, readyTimeout: 600, ...options });
  const error = await rejection(server.start());
  const told = server.log.entries.filter(({ level }) => level === 'warn' || level === 'error');
  expect(told).toMatchObject([{ message: 'could not start', facts: { err: error } }]);
  fake.close();
  expect(await ask(await serving(echo, { controlPath }), 'hello')).toBe('hello');
  return { code: (error.code ?? '').replace('UNINTERRUPTIBLE_', ''), message: error.message, server };
}

const needs = requirement('addon', 'proc');

describe('a new process leaves a predecessor that answers', needs, () => {
  test.each(BOMBS)('%s', async (_what, packet) => {
    const { code } = await failed({ 'take-over': (say) => say(packet) });
    expect(code).toBe('HANDOVER_PROTOCOL');
  });

  test.each(TYPES.filter((type) => !['offer', 'refused', 'moved'].includes(type)))(
    '%s instead of an offer',
    async (type) => {
      const { code } = await failed({ 'take-over': (say) => say(MESSAGES[type]) });
      expect(code).toBe('HANDOVER_PROTOCOL');
    },
  );

  test.each([1, MAX_DESCRIPTORS])(
    'an offer with %i descriptors, and did not start it',
    async (descriptors) => {
      const { code, message } = await failed({
        'take-over': (say) => say({ ...MESSAGES.offer, descriptors }, pipes(descriptors)),
      });
      expect([code, message]).toEqual([
        'HANDOVER_PROTOCOL',
        `The peer sent an offer with ${descriptors} descriptors.`,
      ]);
    },
  );

  test.each(TYPES.filter((type) => type !== 'cancelled'))('%s where a listener is due', async (type) => {
    const { code } = await failed(then(LISTENER_DUE, 'take-over', (say) => say(MESSAGES[type])));
    expect(code).toBe('HANDOVER_PROTOCOL');
  });

  test.each(TYPES.filter((type) => type !== 'yours' && type !== 'cancelled'))(
    '%s, with descriptors, where it is due to say yours',
    async (type) => {
      const message = { ...MESSAGES[type], descriptors: MAX_DESCRIPTORS };
      const { code } = await failed({ ...OFFERED, ready: (say) => say(message, many()) });
      expect(code).toBe('HANDOVER_PROTOCOL');
    },
  );

  test('more listeners than it offered, or some again', async () => {
    const listeners = Array.from({ length: MAX_DESCRIPTORS }, (_, index) => ({ ...RECORD, index }));
    const packet = { type: 'listeners', listeners, descriptors: MAX_DESCRIPTORS };
    const first = await failed(then(LISTENER_DUE, 'take-over', (say) => say(packet, many())));
    expect(first.code).toBe('HANDOVER_PROTOCOL');
    const again = await failed(then(OFFERED, 'take-over', (say) => say(packet, many())));
    expect(again.code).toBe('HANDOVER_PROTOCOL');
  });

  test('that it cancels, at any time, with descriptors', async () => {
    const cancel = (say: Say): void => say({ ...MESSAGES.cancelled, descriptors: MAX_DESCRIPTORS }, many());
    for (const lines of [
      then(LISTENER_DUE, 'take-over', cancel),
      then(OFFERED, 'take-over', cancel),
      { ...OFFERED, ready: cancel },
    ]) {
      expect((await failed(lines)).code).toBe('HANDOVER_CANCELLED');
    }
  });
});

describe('a new process does not wait for ever for a predecessor that', needs, () => {
  test.each<[string, Lines]>([
    ['never answers', {}],
    ['never passes what it offered', LISTENER_DUE],
    ['never says yours', OFFERED],
    ['is always busy', { 'take-over': (say) => say({ ...MESSAGES.refused, reason: 'busy' }) }],
    ['has always moved', { 'take-over': (say) => say(MESSAGES.moved) }],
  ])('%s', async (_what, lines) => {
    expect((await failed(lines)).code).toBe('HANDOVER_TIMEOUT');
  });

  test.each([0, 40])('passes listeners without an end, one every %i ms', async (pause) => {
    const given = pipes(1);
    let index = 0;
    const pass = async (say: Say): Promise<void> => {
      if (pause > 0) await delay(pause);
      const listeners = [{ ...RECORD, kind: 'unknown', index: index++ }];
      say({ type: 'listeners', listeners, descriptors: 1 }, given);
    };
    const lines: Lines = {
      'take-over': (say) => {
        say({ ...MESSAGES.offer, listeners: Number.MAX_SAFE_INTEGER });
        // One more than is taken: there is always something to read.
        void Promise.all([pass(say), pass(say)]);
      },
      received: (say) => void pass(say),
    };
    // Short, for every listener that came is held until then.
    const { code, message } = await failed(lines, { readyTimeout: 200 });
    expect(index).toBeGreaterThan(3);
    expect([code, message]).toEqual(['HANDOVER_TIMEOUT', expect.stringContaining('did not come in time')]);
  });

  test('gives the service away, and keeps it, again and again', async () => {
    const fake = fakeOf({ ...OFFERED, ready: (say) => say(MESSAGES.yours) });
    fake.lock();
    const { code, server } = await failed(fake);
    expect(code).toBe('HANDOVER_LOST');
    expect(server.log.of('another process was faster, trying again').length).toBeLessThan(10);
  });
});

describe('a new process takes the service over from a predecessor that', needs, () => {
  /** It serves, and hands over to a real one. Returns what it is, while it does. */
  async function takesOver(fake: FakePredecessor): Promise<TestServer> {
    const server = await serving(echo, { controlPath: fake.controlPath });
    expect(await ask(server, 'hello')).toBe('hello');
    return server;
  }

  async function handsOver(server: TestServer, fake: FakePredecessor): Promise<TestServer> {
    const next = await serving(echo, { controlPath: fake.controlPath });
    await within(server.stopped, 'the one before to leave');
    expect(await ask(next, 'hello')).toBe('hello');
    return next;
  }

  test('says yours with descriptors that nobody asked for', async () => {
    const yours = { ...MESSAGES.yours, descriptors: MAX_DESCRIPTORS };
    const fake = fakeOf({ ...OFFERED, ready: (say) => say(yours, many()) });
    await handsOver(await takesOver(fake), fake);
  });

  test('says yours before it was asked, and nothing after', async () => {
    const yours = { ...MESSAGES.yours, descriptors: MAX_DESCRIPTORS };
    const fake = fakeOf(then(OFFERED, 'take-over', (say) => say(yours, many())));
    await handsOver(await takesOver(fake), fake);
  });

  test('was the last generation that can be counted', async () => {
    const offer = { ...MESSAGES.offer, generation: Number.MAX_SAFE_INTEGER };
    const fake = fakeOf({ 'take-over': (say) => say(offer), ready: (say) => say(MESSAGES.yours) });
    const next = await handsOver(await takesOver(fake), fake);
    expect(next.status().generation).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('counted more than can be told, under strange names', async () => {
    const counters = Object.fromEntries(
      Array.from({ length: 63 }, (_, at) => [`constructor.${at}`, Number.MAX_SAFE_INTEGER]),
    );
    const account = { process: 'p'.repeat(1_000), counters: { ...counters, constructor: 1 } };
    const books = { since: 0, settled: counters, accounts: [account, { ...account, process: '__proto__' }] };
    const fake = fakeOf({
      'take-over': (say) => say({ ...MESSAGES.offer, features: ['counters'] }),
      ready: (say) => say({ ...MESSAGES.yours, books }),
    });
    await handsOver(await takesOver(fake), fake);
  });

  test('says everything in the wrong order while it drains, with descriptors, again and again', async () => {
    let drain: Say = () => undefined;
    const fake = fakeOf({
      ...OFFERED,
      ready: (say) => say(MESSAGES.yours),
      owner: (say) => {
        drain = say;
      },
    });
    const server = await takesOver(fake);
    const before = openDescriptors().length;
    const given = pipes(10);
    // All but the end.
    const types = TYPES.filter((type) => type !== 'gone');
    for (let round = 0; round < 20; round += 1) {
      for (const type of types) drain({ ...MESSAGES[type], descriptors: 10 }, given);
      // As fast as it reads: what does not fit into the queue is not sent.
      await ask(server, 'hello');
    }
    await vi.waitFor(
      () => expect(openDescriptors().length).toBeLessThanOrEqual(before + given.length + 2),
      3_000,
    );
    expect(server.status()).toMatchObject({ state: 'serving', draining: [{ connections: 1 }] });
    await handsOver(server, fake);
  });
});
