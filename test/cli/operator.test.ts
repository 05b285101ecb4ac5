import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Deadline } from '../../src/cli/deadline.js';
import { Failure } from '../../src/cli/failure.js';
import { Operator } from '../../src/cli/operator.js';
import { binding } from '../support/control-peer.js';
import { FakeOwner, type Script } from '../support/fake-owner.js';
import { requirement } from '../support/requirements.js';

const STATUS = {
  type: 'status',
  status: { state: 'serving', pid: 7, generation: 2, listeners: [{ name: 'a' }] },
};

describe('a conversation with an owner', requirement('addon'), () => {
  let directory: string;
  let path: string;
  let owner: FakeOwner | undefined;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'operator-'));
    path = join(directory, 'control');
  });
  afterEach(() => {
    owner?.close();
    owner = undefined;
    rmSync(directory, { recursive: true, force: true });
  });

  function listen(...scripts: Script[]): Operator {
    owner = new FakeOwner(path, scripts);
    return new Operator(binding(), path);
  }

  async function failure(
    promise: Promise<unknown>,
  ): Promise<{ exitCode: number; code: string; message: string }> {
    const error: unknown = await promise.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof Failure)) throw new Error(`no failure: ${String(error)}`);
    const { exitCode, code, message } = error;
    return { exitCode, code, message };
  }

  test('a status comes in several packets', async () => {
    const operator = listen([
      { type: 'status', more: true, status: { ...STATUS.status } },
      { type: 'status', status: { listeners: [{ name: 'b' }] } },
    ]);
    const { snapshot, peer } = await operator.status(new Deadline(5_000));
    expect(snapshot.listeners.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(peer).toBe(process.pid);
  });

  test('who has moved is followed', async () => {
    const operator = listen([{ type: 'moved' }, null], [{ type: 'moved' }, null], [STATUS, null]);
    expect((await operator.status(new Deadline(5_000))).snapshot.pid).toBe(7);
    expect(owner?.asked).toHaveLength(3);
  });

  test('an order is followed, too, and reports its progress', async () => {
    const operator = listen(
      [{ type: 'progress', step: 'started', pid: 8 }, { type: 'moved' }, null],
      [{ type: 'restarted', pid: 9, generation: 3 }, null],
    );
    const steps: unknown[] = [];
    const { answer } = await operator.order({ type: 'restart' }, new Deadline(5_000), (...step) =>
      steps.push(step),
    );
    expect(answer).toEqual({ type: 'restarted', pid: 9, generation: 3 });
    expect(steps).toEqual([['started', 8]]);
  });

  test('a status is asked for again when the owner leaves, an order is not', async () => {
    const operator = listen([null], [STATUS, null], [null]);
    expect((await operator.status(new Deadline(5_000))).snapshot.pid).toBe(7);
    expect(await failure(operator.order({ type: 'restart' }, new Deadline(5_000)))).toMatchObject({
      code: 'closed',
    });
    expect(owner?.asked).toHaveLength(3);
  });

  test('who does not answer is named', async () => {
    const operator = listen([]);
    expect(await failure(operator.status(new Deadline(100)))).toEqual({
      exitCode: 4,
      code: 'no-answer',
      message: `Process ${process.pid} does not answer at ${path} (waited 100 ms).`,
    });
  });

  test('who only says that it moved is not followed for ever', async () => {
    const operator = listen([{ type: 'moved' }, null]);
    expect(await failure(operator.status(new Deadline(200)))).toMatchObject({
      exitCode: 4,
      code: 'no-answer',
    });
  });

  test.each([
    ['no JSON', 'hello'],
    ['another message', { type: 'stopping' }],
    ['a status of something else', { type: 'status', status: { hello: 1 } }],
  ])('garbage is called that: %s', async (_name, packet) => {
    const operator = listen([packet, null]);
    expect(await failure(operator.status(new Deadline(5_000)))).toMatchObject({
      exitCode: 1,
      code: 'nonsense',
    });
  });

  test('nothing at the path, and a file there, are told apart', async () => {
    const operator = new Operator(binding(), path);
    expect(await failure(operator.status(new Deadline(5_000)))).toMatchObject({
      exitCode: 3,
      code: 'nobody',
    });
    writeFileSync(path, '');
    expect(await failure(operator.status(new Deadline(5_000)))).toEqual({
      exitCode: 2,
      code: 'not-a-control-path',
      message: `${path} is not a control socket.`,
    });
  });

  test('what a refusal says is shown', async () => {
    const operator = listen([{ type: 'refused', reason: 'forbidden', message: 'not you' }, null]);
    expect(await failure(operator.status(new Deadline(5_000)))).toMatchObject({
      exitCode: 6,
      code: 'forbidden',
      message: expect.stringContaining('not you') as string,
    });
  });
});
