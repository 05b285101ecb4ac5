/** What somebody at a control path can do to an operator: tell it no end of things, or things that nobody can show. */
import { describe, expect, test } from 'vitest';
import type { Packet } from '../../src/binding.js';
import { Deadline } from '../../src/cli/deadline.js';
import { Failure } from '../../src/cli/failure.js';
import { Operator } from '../../src/cli/operator.js';
import { statusLines } from '../../src/cli/status-lines.js';
import { closeAfterEach, nativeBinding } from '../native/support.js';
import { pipes } from '../support/channels.js';
import { expectNoDescriptorLeak } from '../support/descriptors.js';
import { FakePredecessor } from '../support/fake-predecessor.js';
import { BOMBS, MESSAGES, TYPES } from '../support/messages.js';
import { requirement } from '../support/requirements.js';

expectNoDescriptorLeak();
closeAfterEach();

const STATUS = { state: 'serving', pid: 7, generation: 2, listeners: [] };

async function failure(promise: Promise<unknown>): Promise<Failure> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Failure) return error;
  throw new Error(`no failure: ${String(error)}`);
}

/** Hears this for ever, whenever it listens. */
function endless(message: object): Operator {
  const { ControlSocket } = nativeBinding();
  const data = Buffer.from(JSON.stringify(message));
  class Endless extends ControlSocket {
    // What is really there is never taken, so there is always something.
    override receive(): Packet {
      return { kind: 'packet', data, descriptors: [], dataTruncated: false, descriptorsTruncated: false };
    }
  }
  const fake = new FakePredecessor((say) => say(message));
  return new Operator({ ...nativeBinding(), ControlSocket: Endless }, fake.controlPath);
}

function answering(packet: object | string | Uint8Array, descriptors = 0): Operator {
  const given = descriptors === 0 ? [] : pipes(descriptors);
  const fake = new FakePredecessor((say) => say(packet, given));
  return new Operator(nativeBinding(), fake.controlPath);
}

describe('an operator', requirement('addon', 'proc'), () => {
  test.each<[string, object, (operator: Operator, deadline: Deadline) => Promise<unknown>]>([
    ['progress', MESSAGES.progress, (operator, by) => operator.order({ type: 'restart' }, by)],
    [
      'more of a status',
      { type: 'status', status: STATUS, more: true },
      (operator, by) => operator.status(by),
    ],
    ['more metrics', { type: 'status', text: 'x', more: true }, (operator, by) => operator.metrics(by)],
  ])('does not listen for ever to %s', async (_what, message, ask) => {
    const startedAt = performance.now();
    expect(await failure(ask(endless(message), new Deadline(200)))).toMatchObject({ code: 'no-answer' });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  test.each(BOMBS)('calls %s nonsense', async (_what, packet) => {
    expect(await failure(answering(packet).status(new Deadline(5_000)))).toMatchObject({ code: 'nonsense' });
  });

  test.each(TYPES.filter((type) => !['status', 'moved', 'refused'].includes(type)))(
    'takes no %s message for a status',
    async (type) => {
      const operator = answering(MESSAGES[type]);
      expect(await failure(operator.status(new Deadline(5_000)))).toMatchObject({ code: 'nonsense' });
    },
  );

  test('keeps no descriptor that an answer brings', async () => {
    const answer = { type: 'status', status: STATUS, descriptors: 253 };
    expect((await answering(answer, 253).status(new Deadline(5_000))).snapshot.pid).toBe(7);
  });

  test('shows numbers and texts that cannot be', async () => {
    const huge = Number.MAX_SAFE_INTEGER;
    const status = {
      ...STATUS,
      state: '\u001b[2Jserving\n',
      generation: huge,
      startedAt: -huge,
      ownerSince: huge,
      draining: [
        {
          pid: huge,
          connections: huge,
          busy: huge,
          canServeAgain: true,
          rollbackUntil: huge,
          deadline: -huge,
        },
        'nobody',
        null,
      ],
      lastHandover: { at: huge, outcome: '__proto__', error: { code: 1, message: {} } },
      connections: { active: '1', total: null, busy: [], idle: {} },
      listeners: [{ name: 'x\u202e', bound: '\u0007' }, 1],
      startCommand: [1, {}, 'node'],
    };
    const { snapshot } = await answering({ type: 'status', status }).status(new Deadline(5_000));
    const lines = statusLines(snapshot, '/control', Date.now(), { style: (_style, text) => text });
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.join('\n')).not.toMatch(/[\u0007\u001b\u202e]/);
  });
});
