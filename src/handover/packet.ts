/**
 * One packet is one message: JSON in UTF-8, bounded, every field checked before anybody sees it. Pure.
 * Unknown fields are dropped, unknown types are refused.
 */
import { UninterruptibleError } from '../errors.js';
import { MAX_COUNTERS, MAX_DESCRIPTORS, MAX_PACKET_BYTES, type Message } from './protocol.js';

export type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isFlag: Check = (value) => typeof value === 'boolean';
const isObject: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isTextOrNull: Check = (value) => value === null || isText(value);
const isDecimal: Check = (value) => typeof value === 'string' && /^\d{1,20}$/.test(value);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const oneOf =
  (...words: unknown[]): Check =>
  (value) =>
    words.includes(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const shape =
  (fields: Record<string, Check>): Check =>
  (value) =>
    isObject(value) &&
    Object.entries(fields).every(([name, check]) => check((value as Record<string, unknown>)[name]));

const LISTENER = shape({
  requested: isText,
  index: isCount,
  bound: isText,
  family: oneOf('inet', 'inet6', 'unix'),
  type: oneOf('stream'),
  backlog: isCount,
  name: optional(isText),
  file: optional(shape({ device: isDecimal, inode: isDecimal })),
  lent: optional(isFlag),
});
const hasKind = shape({ kind: isText });
/** Of a kind that a later release may send nothing more is known, and its receiver closes the descriptor. */
const isRecord: Check = (value) =>
  hasKind(value) && ((value as { kind: string }).kind !== 'listener' || LISTENER(value));

const COUNTER_NAME = /^[a-z][a-z0-9_.]{0,63}$/;
const isCounters: Check = (value) => {
  if (!isObject(value)) return false;
  const counters = Object.entries(value as object);
  return (
    counters.length <= MAX_COUNTERS &&
    counters.every(([name, count]) => COUNTER_NAME.test(name) && isCount(count))
  );
};
const isBooks = shape({
  since: isCount,
  settled: isCounters,
  accounts: listOf(shape({ process: isText, counters: isCounters })),
});

const REMAINDER = {
  connections: isCount,
  busy: optional(isCount),
  requests: optional(isCount),
  rollback: optional(isCount),
  deadline: optional(isCount),
  counters: optional(isCounters),
};

/** What each message carries beside its type and the number of its descriptors. */
export const FIELDS: Readonly<Record<Message['type'], Readonly<Record<string, Check>>>> = {
  'take-over': {
    versions: listOf(isCount),
    features: listOf(isText),
    pid: isCount,
    token: optional(isText),
    program: optional(isText),
  },
  offer: {
    version: isCount,
    features: listOf(isText),
    pid: isCount,
    generation: isCount,
    listeners: isCount,
    ticketKeys: optional(isText),
    sessionIdContext: optional(isText),
    books: optional(isBooks),
  },
  listeners: { listeners: listOf(isRecord) },
  connection: {},
  received: { counters: optional(isCounters) },
  refused: {
    reason: oneOf('busy', 'forbidden', 'no-common-version', 'stopping'),
    message: isText,
    versions: optional(listOf(isCount)),
  },
  ready: {
    unclaimed: listOf(isCount),
    controlPath: isTextOrNull,
    pidfilePath: isTextOrNull,
    serving: optional(isCount),
  },
  failed: { code: isText, message: isText, stack: optional(isText), lastWords: optional(isText) },
  yours: { books: optional(isBooks) },
  owner: { generation: isCount },
  cancelled: { code: isText, message: isText },
  bye: {},
  'take-back': { token: isText },
  draining: REMAINDER,
  hurry: {},
  'reopen-log': {},
  gone: { counters: optional(isCounters) },
  counted: { books: isBooks },
  moved: {},
  'stand-by': {
    pid: isCount,
    generation: isCount,
    features: optional(listOf(isText)),
    process: optional(isText),
    ...REMAINDER,
  },
  status: {
    status: optional(isObject),
    more: optional(isFlag),
    metrics: optional(isFlag),
    text: optional(isText),
  },
  restart: {},
  rollback: {},
  stop: { now: optional(isFlag) },
  progress: { step: isText, pid: optional(isCount) },
  restarted: { pid: isCount, generation: isCount },
  'rolled-back': { pid: isCount, generation: isCount },
  stopping: {},
};

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** The bytes of a message. Throws HANDOVER_PROTOCOL if it does not fit into one packet. */
export function encodePacket(message: Message): Uint8Array {
  const bytes = encoder.encode(JSON.stringify(message));
  if (bytes.length > MAX_PACKET_BYTES) {
    throw new UninterruptibleError(
      'UNINTERRUPTIBLE_HANDOVER_PROTOCOL',
      `A ${message.type} message of ${bytes.length} bytes does not fit into one packet.`,
    );
  }
  return bytes;
}

/** The message in a packet that came with `descriptors` descriptors. Throws HANDOVER_PROTOCOL, saying what is wrong. */
export function decodePacket(data: Uint8Array, descriptors: number): Message {
  const value = parse(data);
  const type = value['type'];
  if (typeof type !== 'string' || !Object.hasOwn(FIELDS, type)) {
    throw nonsense(`a packet of unknown type ${shown(type)}`);
  }
  const announced = value['descriptors'] ?? 0;
  if (!isCount(announced) || (announced as number) > MAX_DESCRIPTORS || announced !== descriptors) {
    throw nonsense(`a ${type} packet announced ${shown(announced)} descriptors and brought ${descriptors}`);
  }
  const message: Record<string, unknown> = { type };
  if (descriptors > 0) message['descriptors'] = descriptors;
  for (const [name, check] of Object.entries(FIELDS[type as Message['type']])) {
    if (!check(value[name])) throw nonsense(`a ${type} packet with a bad or missing "${name}"`);
    if (value[name] !== undefined) message[name] = value[name];
  }
  return message as unknown as Message;
}

/** What a peer wrote, short. An object is not looked into: one that is deep enough overflows the stack. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
  return typeof value === 'object' && value !== null ? 'that is an object' : String(value);
}

function parse(data: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(decoder.decode(data));
    if (isObject(value)) return value as Record<string, unknown>;
  } catch {
    // Falls through: what is not JSON and what is not an object are the same mistake.
  }
  throw nonsense('a packet that is not one JSON object in UTF-8');
}

/** The error for whatever a peer should not have sent. It ends the exchange, never the server. */
export function nonsense(what: string): UninterruptibleError {
  return new UninterruptibleError('UNINTERRUPTIBLE_HANDOVER_PROTOCOL', `The peer sent ${what}.`);
}
