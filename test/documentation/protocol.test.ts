/** docs/protocol.md is the contract and src/handover/ the code: their messages, fields, limits and waits are the same. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { configurationDefaults } from '../../src/configuration.js';
import { decodePacket, FIELDS } from '../../src/handover/packet.js';
import {
  MAX_COUNTERS,
  MAX_DESCRIPTORS,
  MAX_PACKET_BYTES,
  PROTOCOL_VERSIONS,
  WAITS,
} from '../../src/handover/protocol.js';
import {
  codes,
  type Field,
  readCode,
  readFields,
  readMessages,
  readPart,
  readSection,
  readTable,
  unquoted,
} from '../support/protocol-page.js';

const page = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
const code = readFileSync(new URL('../../src/handover/packet.ts', import.meta.url), 'utf8');
const codeWords = [...code.matchAll(/'([^']*)'/g)].map(([, word = '']) => word);
const messages = readMessages(page);
const types = Object.keys(FIELDS);
const parts: Readonly<Record<string, readonly Field[]>> = {
  record: readPart(page, 'A record'),
  file: readPart(page, 'A file'),
  claim: readPart(page, 'A claim'),
  books: readPart(page, 'The books'),
  account: readPart(page, 'An account'),
};

/** Values of a type of the page: some that it allows and some that it does not. */
interface Samples {
  good: readonly unknown[];
  bad: readonly unknown[];
}

function samplesOf(type: string): Samples {
  const list = /^list of (.+)$/.exec(type)?.[1];
  if (list !== undefined) {
    const { good, bad } = samplesOf(list);
    return { good: [good, []], bad: [...bad.map((each) => [each]), null, {}, good[0]] };
  }
  const part = parts[type];
  if (part !== undefined) return samplesOfPart(part);
  const words = codes(type);
  if (words.length > 0) {
    // Whatever word the code may take for one of them must stand on the page.
    const others = codeWords.filter((word) => !words.includes(word));
    return { good: words, bad: [...others, '', null, 1] };
  }
  switch (type) {
    case 'text':
      return { good: ['listener', ''], bad: [null, 1, {}, []] };
    case 'text or null':
      return { good: ['a', null], bad: [1, {}, []] };
    case 'count':
      return { good: [0, 2 ** 53 - 1], bad: [-1, 0.5, 2 ** 53, '1', null] };
    case 'decimal':
      return { good: ['0', '12345678901234567890'], bad: ['', '-1', '1'.repeat(21), 1, null] };
    case 'flag':
      return { good: [true, false], bad: [0, 'true', null, {}] };
    case 'counters':
      return {
        good: [{ a: 1 }, {}, { 'seconds_le_0.5': 2 ** 53 - 1 }, named(MAX_COUNTERS)],
        bad: [{ a: -1 }, { a: 0.5 }, { a: '1' }, { A: 1 }, { '': 1 }, [], null, named(MAX_COUNTERS + 1)],
      };
    case 'object':
      return { good: [{}, { a: 1 }], bad: [[], 'a', null] };
    default:
      throw new Error(`the page has a type that it does not define: ${type}`);
  }
}

/** Whole objects: each good value of each field in turn, each bad one, and each required one missing. */
function samplesOfPart(fields: readonly Field[]): Samples {
  const all = fields.map(({ name, type, optional }) => ({ name, optional, ...samplesOf(type) }));
  const base = Object.fromEntries(all.map(({ name, good }) => [name, good[0]]));
  const without = (name: string) => Object.fromEntries(Object.entries(base).filter(([key]) => key !== name));
  // A record of another kind is taken as it is.
  const varied = all.flatMap(({ name, good }) =>
    (name === 'kind' ? good.slice(0, 1) : good).map((value) => ({ ...base, [name]: value })),
  );
  return {
    good: [base, ...varied, ...all.filter(({ optional }) => optional).map(({ name }) => without(name))],
    bad: [
      ...all.flatMap(({ name, bad }) => bad.map((value) => ({ ...base, [name]: value }))),
      ...all.filter(({ optional }) => !optional).map(({ name }) => without(name)),
    ],
  };
}

/** So many counters. */
function named(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`c${at}`, at]));
}

function decode(message: unknown, descriptors = 0): unknown {
  return decodePacket(Buffer.from(JSON.stringify(message)), descriptors);
}

describe('the messages', () => {
  test('are those of the code, in the table and each with a heading', () => {
    expect([...messages.keys()]).toEqual(types);
    const table = readTable(page, 'message | from → to | answered by | descriptors');
    expect(table.map(([name = '']) => unquoted(name))).toEqual(types);
    for (const [, , answers = ''] of table) {
      expect(types).toEqual(expect.arrayContaining([...codes(answers)]));
    }
  });

  test.each(types)('%s has the fields that the code knows', (type) => {
    const text = messages.get(type) ?? '';
    const documented = readFields(text).map(({ name }) => name);
    expect(documented).toEqual(Object.keys(FIELDS[type as keyof typeof FIELDS]));
    if (documented.length === 0) expect(text).toContain('No fields.');
  });

  test.each(types)('%s is accepted as the page says and refused otherwise', (type) => {
    const { good, bad } = samplesOfPart(readFields(messages.get(type) ?? ''));
    for (const fields of good as Record<string, unknown>[]) {
      expect(decode({ type, ...fields })).toEqual({ type, ...fields });
    }
    for (const fields of bad as Record<string, unknown>[]) {
      expect(() => decode({ type, ...fields }), JSON.stringify(fields)).toThrow('The peer sent');
    }
  });

  test('may have unknown fields, and records of unknown kinds', () => {
    expect(decode({ type: 'gone', later: 1 })).toEqual({ type: 'gone' });
    const listeners = [{ kind: 'connection', state: 'idle' }];
    expect(decode({ type: 'listeners', listeners, descriptors: 1 }, 1)).toMatchObject({ listeners });
  });

  test('of the examples are good ones', () => {
    const examples = readCode(page, 'json').map((text) => JSON.parse(text) as Record<string, unknown>);
    expect(examples.length).toBeGreaterThan(2);
    for (const example of examples) {
      expect(decode(example, Number(example['descriptors'] ?? 0))).toEqual(example);
    }
  });

  test('in the diagram are messages', () => {
    const arrows = [...(readCode(page, 'mermaid')[0] ?? '').matchAll(/^ *[PS]-?->>[PS]: ([a-z-]+)/gm)];
    expect(arrows.length).toBeGreaterThan(8);
    for (const [, name] of arrows) expect(types).toContain(name);
  });
});

describe('the numbers', () => {
  test('of the limits are those of the code', () => {
    const table = readTable(page, 'limit | value | meaning').map(([name = '', value]) => [
      unquoted(name),
      value,
    ]);
    const limits = {
      PROTOCOL_VERSIONS: PROTOCOL_VERSIONS.join(', '),
      MAX_PACKET_BYTES,
      MAX_DESCRIPTORS,
      MAX_COUNTERS,
    };
    expect(table).toEqual(Object.entries(limits).map(([name, value]) => [name, String(value)]));
  });

  test('of the waits are those of the code', () => {
    const table = readTable(page, 'wait | ms | who | from … to').map(([name = '', ms]) => [
      unquoted(name),
      Number(ms),
    ]);
    expect(Object.fromEntries(table)).toEqual(WAITS);
    for (const [name, ms] of table) expect(ms).toBe(WAITS[name as keyof typeof WAITS]);
    expect(readSection(page, '## Waits')).toContain(
      `(${configurationDefaults.readyTimeout} unless configured)`,
    );
  });
});

test('the links of the page lead somewhere', () => {
  const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
  for (const [, anchor] of page.matchAll(/\]\(#([^)]+)\)/g)) expect(headings).toContain(anchor);
  for (const [, file = ''] of page.matchAll(/\]\(([^#)]+)\)/g)) {
    expect(() => readFileSync(new URL(`../../docs/${file}`, import.meta.url)), file).not.toThrow();
  }
});
