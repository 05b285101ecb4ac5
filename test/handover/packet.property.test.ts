import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UninterruptibleError } from '../../src/errors.js';
import { decodePacket, encodePacket, FIELDS } from '../../src/handover/packet.js';
import {
  type ListenerRecord,
  MAX_DESCRIPTORS,
  MAX_PACKET_BYTES,
  type Message,
} from '../../src/handover/protocol.js';

const text = fc.string({ unit: 'grapheme', maxLength: 50 });
const count = fc.nat();
const decimal = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
const plain = fc.dictionary(text, fc.jsonValue());
const record: fc.Arbitrary<ListenerRecord> = fc.record(
  {
    kind: fc.constant('listener' as const),
    requested: text,
    index: count,
    bound: text,
    family: fc.constantFrom('inet', 'inet6', 'unix'),
    type: fc.constant('stream' as const),
    backlog: count,
    file: fc.record({ device: decimal, inode: decimal }),
    lent: fc.boolean(),
  },
  { requiredKeys: ['kind', 'requested', 'index', 'bound', 'family', 'type', 'backlog'] },
);

const counterName = fc.stringMatching(/^[a-z][a-z0-9_.]{0,63}$/);
const counters = fc.dictionary(counterName, count, { maxKeys: 5 });
const books = fc.record({
  since: count,
  settled: counters,
  accounts: fc.array(fc.record({ process: text, counters }), { maxLength: 3 }),
});

const texts = fc.array(text, { maxLength: 5 });
const counts = fc.array(count, { maxLength: 5 });
const option = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });

/** What each message may carry. */
const CONTENTS: Record<Message['type'], Record<string, fc.Arbitrary<unknown>>> = {
  'take-over': { versions: counts, features: texts, pid: count, token: option(text), program: option(text) },
  offer: {
    version: count,
    features: texts,
    pid: count,
    generation: count,
    listeners: count,
    ticketKeys: option(text),
    sessionIdContext: option(text),
    books: option(books),
  },
  listeners: { listeners: fc.array(record, { maxLength: 5 }) },
  received: { counters: option(counters) },
  'take-back': { token: text },
  rollback: {},
  'rolled-back': { pid: count, generation: count },
  connection: {},
  refused: {
    reason: fc.constantFrom('busy', 'forbidden', 'no-common-version', 'stopping'),
    message: text,
    versions: option(counts),
  },
  ready: {
    unclaimed: fc.array(count, { maxLength: 5 }),
    controlPath: fc.option(text),
    pidfilePath: fc.option(text),
    serving: option(count),
  },
  failed: { code: text, message: text, stack: option(text), lastWords: option(text) },
  yours: { books: option(books) },
  owner: { generation: count },
  cancelled: { code: text, message: text },
  bye: {},
  draining: {
    connections: count,
    busy: option(count),
    requests: option(count),
    rollback: option(count),
    deadline: option(count),
    counters: option(counters),
  },
  gone: { counters: option(counters) },
  counted: { books },
  moved: {},
  'stand-by': {
    pid: count,
    generation: count,
    connections: count,
    busy: option(count),
    requests: option(count),
    rollback: option(count),
    deadline: option(count),
    features: option(texts),
    process: option(text),
    counters: option(counters),
  },
  hurry: {},
  'reopen-log': {},
  status: {
    status: option(plain),
    more: option(fc.boolean()),
    metrics: option(fc.boolean()),
    text: option(text),
  },
  restart: {},
  stop: { now: option(fc.boolean()) },
  progress: { step: text, pid: option(count) },
  restarted: { pid: count, generation: count },
  stopping: {},
};

const message: fc.Arbitrary<Message> = fc.oneof(
  ...Object.entries(CONTENTS).map(
    ([type, contents]) => fc.record({ type: fc.constant(type), ...contents }) as fc.Arbitrary<unknown>,
  ),
) as fc.Arbitrary<Message>;

/** As the other side has it: what is undefined does not travel. */
function travelled(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function bytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** Decodes, or says that the one error was thrown that may be. */
function decoded(data: Uint8Array, descriptors = 0): Message | 'refused' {
  try {
    return decodePacket(data, descriptors);
  } catch (error) {
    expect(error).toBeInstanceOf(UninterruptibleError);
    expect(error).toHaveProperty('code', 'UNINTERRUPTIBLE_HANDOVER_PROTOCOL');
    return 'refused';
  }
}

test('the messages of this test are those of the protocol', () => {
  const fields = (of: Record<string, Record<string, unknown>>): unknown =>
    Object.fromEntries(Object.entries(of).map(([type, contents]) => [type, Object.keys(contents).sort()]));
  expect(fields(CONTENTS)).toEqual(fields(FIELDS));
});

describe('a message', () => {
  test('arrives as it was sent', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(decodePacket(encodePacket(sent), 0)).toEqual(travelled(sent));
      }),
      { numRuns: 300 },
    );
  });

  test('bears the number of its descriptors, which must be that of those that came', () => {
    fc.assert(
      fc.property(
        message,
        fc.integer({ min: 0, max: 300 }),
        fc.integer({ min: 0, max: 300 }),
        (sent, said, came) => {
          const got = decoded(encodePacket({ ...sent, descriptors: said } as Message), came);
          if (said !== came || came > MAX_DESCRIPTORS) expect(got).toBe('refused');
          else expect(got).toEqual(travelled(came === 0 ? sent : { ...sent, descriptors: came }));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('loses fields that nobody knows', () => {
    const unknown = fc.dictionary(
      text.filter((name) => name !== '__proto__'),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(message, unknown, (sent, more) => {
        const known = new Set([...Object.keys(FIELDS[sent.type]), 'type', 'descriptors']);
        const added = Object.fromEntries(Object.entries(more).filter(([name]) => !known.has(name)));
        expect(decoded(bytes({ ...added, ...sent }))).toEqual(travelled(sent));
      }),
      { numRuns: 300 },
    );
  });

  test('without a field that it must have, or with one of another type, is refused', () => {
    const pick = fc.nat();
    fc.assert(
      fc.property(message, pick, fc.constantFrom(true, [[]], 1.5, -1, undefined), (sent, at, wrong) => {
        const fields = Object.keys(FIELDS[sent.type]);
        const field = fields[at % fields.length];
        fc.pre(field !== undefined);
        const check = FIELDS[sent.type][field];
        fc.pre(check?.(wrong) === false);
        expect(decoded(bytes({ ...sent, [field]: wrong }))).toBe('refused');
      }),
      { numRuns: 300 },
    );
  });

  test.each([MAX_PACKET_BYTES, MAX_PACKET_BYTES + 1])('of %i bytes fits into a packet, or not', (length) => {
    const empty = encodePacket({ type: 'cancelled', code: '', message: '' }).length;
    const encode = (): Uint8Array =>
      encodePacket({ type: 'cancelled', code: '', message: 'x'.repeat(length - empty) });
    if (length <= MAX_PACKET_BYTES) expect(encode()).toHaveLength(length);
    else {
      expect(encode).toThrow(expect.objectContaining({ code: 'UNINTERRUPTIBLE_HANDOVER_PROTOCOL' }) as Error);
    }
  });
});

describe('nothing that a peer sends throws anything but HANDOVER_PROTOCOL', () => {
  const descriptors = fc.integer({ min: 0, max: 253 });

  test('bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), descriptors, (data, came) => void decoded(data, came)),
    );
  });

  test('JSON', () => {
    fc.assert(fc.property(fc.jsonValue(), descriptors, (value, came) => void decoded(bytes(value), came)));
  });

  test('messages with something else in one place', () => {
    const other = fc.oneof(fc.jsonValue(), fc.constant('__proto__'), fc.constant('constructor'));
    const key = fc.constantFrom(
      'type',
      'descriptors',
      ...Object.values(FIELDS).flatMap((each) => Object.keys(each)),
    );
    fc.assert(
      fc.property(message, key, other, descriptors, (sent, at, value, came) => {
        decoded(bytes({ ...sent, [at]: value }), came);
      }),
      { numRuns: 1_000 },
    );
  });

  test('cut messages', () => {
    fc.assert(
      fc.property(message, fc.nat(), (sent, at) => {
        const whole = encodePacket(sent);
        expect(decoded(whole.subarray(0, at % whole.length))).toBe('refused');
      }),
    );
  });

  test.each(['type', 'descriptors', 'status', 'message', 'nobody-knows'])('depth, in %s', (field) => {
    const deep = `${'['.repeat(32_000)}${']'.repeat(32_000)}`;
    const packet = `{"${field}":${deep}${field === 'type' ? '' : ',"type":"cancelled","code":"","message":""'}}`;
    decoded(Buffer.from(packet.slice(0, MAX_PACKET_BYTES)));
    decoded(Buffer.from(packet));
  });
});
