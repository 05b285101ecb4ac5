/** One good message of each type, as a peer may send it in the wrong moment. */
import type { ListenerRecord, Message } from '../../src/handover/protocol.js';

export const RECORD: ListenerRecord = {
  kind: 'listener',
  requested: 'tcp://127.0.0.1:0',
  index: 0,
  bound: 'tcp://127.0.0.1:80',
  family: 'inet',
  type: 'stream',
  backlog: 511,
};

const NOBODY = { pid: 1, generation: 1 };

export const MESSAGES: { readonly [Type in Message['type']]: Extract<Message, { type: Type }> } = {
  'take-over': { type: 'take-over', versions: [1], features: [], pid: 1 },
  offer: { type: 'offer', version: 1, features: [], listeners: 0, ...NOBODY },
  listeners: { type: 'listeners', listeners: [], descriptors: 0 },
  connection: { type: 'connection', descriptors: 0 },
  received: { type: 'received' },
  refused: { type: 'refused', reason: 'forbidden', message: 'no' },
  ready: { type: 'ready', unclaimed: [], controlPath: null, pidfilePath: null },
  failed: { type: 'failed', code: 'X', message: 'it cannot' },
  yours: { type: 'yours' },
  owner: { type: 'owner', generation: 2 },
  cancelled: { type: 'cancelled', code: 'X', message: 'enough' },
  bye: { type: 'bye' },
  'take-back': { type: 'take-back', token: 'guessed' },
  draining: { type: 'draining', connections: 1 },
  hurry: { type: 'hurry' },
  'reopen-log': { type: 'reopen-log' },
  gone: { type: 'gone' },
  counted: { type: 'counted', books: { since: 0, settled: {}, accounts: [] } },
  moved: { type: 'moved' },
  'stand-by': { type: 'stand-by', connections: 1, ...NOBODY },
  status: { type: 'status', status: {} },
  restart: { type: 'restart' },
  rollback: { type: 'rollback' },
  stop: { type: 'stop' },
  progress: { type: 'progress', step: 'started' },
  restarted: { type: 'restarted', ...NOBODY },
  'rolled-back': { type: 'rolled-back', ...NOBODY },
  stopping: { type: 'stopping' },
};

export const TYPES = Object.keys(MESSAGES) as Message['type'][];

/** JSON that is meant to hurt, and is no message. */
export const BOMBS: readonly (readonly [what: string, packet: string | Uint8Array])[] = [
  ['lists in lists', '['.repeat(32_768) + ']'.repeat(32_768)],
  ['lists in lists as the type', `{"type":${'['.repeat(30_000)}${']'.repeat(30_000)}}`],
  ['objects in objects', `${'{"type":'.repeat(7_000)}1${'}'.repeat(7_000)}`],
  ['a type said twice, the second wrong', '{"type":"status","type":"constructor"}'],
  ['a type from the prototype', '{"__proto__":{"type":"status"}}'],
  ['the prototype as the type', '{"type":"__proto__"}'],
  ['a method of objects as the type', '{"type":"hasOwnProperty"}'],
  ['a number beyond all', '{"type":"status","descriptors":1e400}'],
  ['a number of a thousand digits', `{"type":"status","descriptors":${'9'.repeat(1_000)}}`],
  ['less than no descriptors', '{"type":"status","descriptors":-1}'],
  ['a piece of UTF-8', Uint8Array.from(Buffer.from('{"type":"status","x":"\xe2\x82"}', 'latin1'))],
  ['an unpaired surrogate in UTF-8', Uint8Array.from(Buffer.from('{"x":"\xed\xa0\x80"}', 'latin1'))],
  ['two messages', '{"type":"status"}{"type":"status"}'],
  ['NUL bytes', '\0'.repeat(100)],
  ['one byte', '{'],
  ['one byte more than a packet may have', `{"type":"status","x":"${'x'.repeat(65_514)}"}`],
  ['an empty packet', ''],
];
