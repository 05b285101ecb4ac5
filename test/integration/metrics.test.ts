/** What a service counts goes on whichever process serves: exactly, and without ever going down. */
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Message } from '../../src/handover/protocol.js';
import { objectOf, uninterruptible } from '../support/command.js';
import { ControlPeer } from '../support/control-peer.js';
import { Conversation as Line } from '../support/conversation.js';
import { countersOf, valuesOf } from '../support/exposition.js';
import { Generations, type Version } from '../support/generations.js';
import { Conversation } from '../support/http.js';
import { requirement } from '../support/requirements.js';

const HTTP = fileURLToPath(new URL('../fixtures/http.mjs', import.meta.url));
const ADOPT = fileURLToPath(new URL('../../examples/adopt.py', import.meta.url));
const ACCEPTED = 'uninterruptible_connections_accepted_total';
const REQUESTS = 'uninterruptible_requests_total';
const DONE = 'uninterruptible_handovers_total{outcome="done"}';
const FAILED = 'uninterruptible_handovers_total{outcome="failed"}';
const BY_ORDER = 'uninterruptible_rollbacks_total{cause="order"}';
const BY_DEATH = 'uninterruptible_rollbacks_total{cause="death"}';
const LOST = 'uninterruptible_processes_lost_total';
const PATIENCE = { timeout: 10_000 };

let generations: Generations;
/** What every scrape so far has said. */
let highest: Record<string, number>;
beforeEach(() => {
  generations = new Generations();
  highest = {};
});
afterEach(async () => {
  await generations.end();
});

function deploy(options: Record<string, unknown> = {}, version: Version = {}): void {
  const { controlPath } = generations;
  const servers = [{ bind: 'tcp://127.0.0.1:0', controlPath, rollbackWindow: 60_000, ...options }];
  generations.deploy({ servers, ...version });
}

async function start(options: Record<string, unknown> = {}, version: Version = {}): Promise<number> {
  deploy(options, version);
  generations.launch();
  return (await generations.line('serving')).pid;
}

async function askedOfOwner(): Promise<string> {
  for (;;) {
    const answer: Message = await generations.order({ type: 'status', metrics: true });
    if ('text' in answer) return answer.text;
    // The owner has just changed.
    expect(answer).toEqual({ type: 'moved' });
  }
}

/** All values, of which no counter may be lower than it was. */
async function scrape(text: Promise<string> = askedOfOwner()): Promise<Record<string, number>> {
  const values = valuesOf(await text);
  for (const [name, value] of Object.entries(countersOf(await text))) {
    expect(value, name).toBeGreaterThanOrEqual(highest[name] ?? 0);
    highest[name] = value;
  }
  return values;
}

async function expectValues(values: Record<string, number>): Promise<void> {
  await expect.poll(() => scrape(), PATIENCE).toMatchObject(values);
}

/** Lets the process before serve again, and waits until everybody has said so. */
async function rollBack(to: number | undefined): Promise<void> {
  const since = generations.lines.length;
  const from = generations.owner;
  expect(await generations.order({ type: 'rollback' })).toMatchObject({ type: 'rolled-back', pid: to });
  await generations.line('rolled back', ({ pid }) => pid === to, since);
  await generations.line('handed over', ({ pid }) => pid === from, since);
}

/** So many connections, one after the other. */
async function ask(times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) await generations.request('hello');
}

function talk(): Conversation {
  return new Conversation(connect(generations.port(), '127.0.0.1'));
}

describe('counters', requirement('addon', 'proc'), () => {
  test('go on over restarts and a rollback, with processes that drain for long', async () => {
    const first = await start();
    await ask(3);
    const held = await Line.open(generations.port());
    await expectValues({ [ACCEPTED]: 4, [DONE]: 0, uninterruptible_generation: 1 });
    const second = await generations.restart();
    await ask(2);
    await expectValues({ [ACCEPTED]: 6, [DONE]: 1, uninterruptible_draining_processes: 1 });
    const third = await generations.restart();
    await ask(1);
    // The first registers with the third.
    await expectValues({
      [ACCEPTED]: 7,
      [DONE]: 2,
      uninterruptible_draining_processes: 2,
      'uninterruptible_connections{generation="1",state="busy"}': 1,
      uninterruptible_handover_duration_seconds_count: 2,
      uninterruptible_drain_duration_seconds_count: 1,
    });
    await held.end();
    await generations.gone(first);
    await expectValues({ [ACCEPTED]: 7, uninterruptible_drain_duration_seconds_count: 2 });
    await rollBack(second);
    await ask(2);
    await expectValues({
      [ACCEPTED]: 9,
      [DONE]: 2,
      [BY_ORDER]: 1,
      [BY_DEATH]: 0,
      [FAILED]: 0,
      [LOST]: 0,
      uninterruptible_generation: 4,
    });
    // And forth again, and on.
    await rollBack(third);
    await generations.restart();
    await ask(1);
    await expectValues({ [ACCEPTED]: 10, [DONE]: 3, [BY_ORDER]: 2, [LOST]: 0 });
  });

  test('miss no connection and count none twice while processes change under load', async () => {
    const pids = [await start()];
    const port = generations.port();
    let made = 0;
    const ending = new AbortController();
    const clients = Array.from({ length: 4 }, async () => {
      while (!ending.signal.aborted) {
        await generations.request('hello', { port });
        made += 1;
      }
    });
    const scraper = async (): Promise<void> => {
      while (!ending.signal.aborted) await scrape();
    };
    const all = Promise.all([...clients, scraper()]);
    // Waited for below.
    all.catch(() => undefined);
    for (let round = 0; round < 4; round += 1) {
      pids.push(await generations.restart());
      if (round % 2 === 1) {
        await rollBack(pids.at(-2));
        // Who gave it back serves again after that.
        await rollBack(pids.at(-1));
      }
    }
    ending.abort();
    await all;
    await expectValues({ [ACCEPTED]: made, [DONE]: 4, [BY_ORDER]: 4, [LOST]: 0, [BY_DEATH]: 0 });
    expect(made).toBeGreaterThan(50);
  });

  test('tell a new version that fails', async () => {
    const first = await start();
    await ask(2);
    deploy({}, { startup: 'throw' });
    process.kill(first, 'SIGUSR1');
    await generations.line('hand-over failed, serving on');
    deploy({}, { warmUp: 'reject' });
    process.kill(first, 'SIGUSR1');
    await generations.line(
      'hand-over failed, serving on',
      (line) => line.err?.code === 'UNINTERRUPTIBLE_RESTART_FAILED',
    );
    await ask(1);
    await expectValues({ [ACCEPTED]: 3, [FAILED]: 2, [DONE]: 0, uninterruptible_generation: 1 });
    deploy();
    await generations.restart();
    await expectValues({ [ACCEPTED]: 3, [FAILED]: 2, [DONE]: 1 });
  });

  test('keep what a process had told that is killed while it drains', async () => {
    const first = await start();
    await ask(3);
    const second = await generations.restart();
    await ask(1);
    process.kill(first, 'SIGKILL');
    await generations.line('predecessor lost', ({ pid }) => pid === second);
    await expectValues({ [ACCEPTED]: 4, [LOST]: 1, uninterruptible_draining_processes: 0 });
    await generations.restart();
    await expectValues({ [ACCEPTED]: 4, [LOST]: 1, [DONE]: 2 });
  });

  test('keep what an owner had told that is killed, when the process before serves again', async () => {
    const first = await start();
    await ask(2);
    const second = await generations.restart();
    await ask(5);
    await expectValues({ [ACCEPTED]: 7, [DONE]: 1 });
    process.kill(second, 'SIGKILL');
    await generations.line('rolled back', ({ pid }) => pid === first);
    await ask(1);
    await expectValues({ [ACCEPTED]: 8, [DONE]: 1, [BY_DEATH]: 1, [BY_ORDER]: 0 });
  });

  test('count a process once that was taken for dead and registers again', async () => {
    const first = await start();
    const held = await Line.open(generations.port());
    await ask(2);
    deploy({}, { fault: { at: 'received:draining', action: 'break' } });
    const second = await generations.restart();
    await generations.line('can no longer serve again', ({ pid }) => pid === first);
    await ask(1);
    await expectValues({
      [ACCEPTED]: 4,
      uninterruptible_draining_processes: 1,
      'uninterruptible_connections{generation="1",state="busy"}': 1,
    });
    deploy();
    await generations.restart();
    await expectValues({ [ACCEPTED]: 4, uninterruptible_draining_processes: 2 });
    await held.end();
    await generations.gone(first);
    await expectValues({ [ACCEPTED]: 4, uninterruptible_draining_processes: 1 });
    expect(generations.alive()).toContain(second);
  });

  test('hold what those had counted that left while the next version got ready', async () => {
    const first = await start({ rollbackWindow: 0 });
    const held = await Line.open(generations.port());
    await ask(1);
    const second = await generations.restart();
    deploy({ rollbackWindow: 0 }, { warmUp: 1_000 });
    const since = generations.lines.length;
    process.kill(second, 'SIGUSR1');
    await generations.line('warming up', undefined, since);
    await held.end();
    await generations.gone(first);
    await generations.line('serving', ({ pid }) => pid !== second, since);
    await expectValues({
      [ACCEPTED]: 2,
      [DONE]: 2,
      uninterruptible_drain_duration_seconds_count: 2,
      [LOST]: 0,
    });
  });
});

test(
  'where there is no control path, counters pass to whoever the owner starts',
  requirement('addon'),
  async () => {
    deploy({ rollbackWindow: 60_000, controlPath: undefined });
    const nowhere = join(generations.directory, 'nowhere');
    generations.launch({
      command: [process.execPath, HTTP, generations.optionsPath],
      environment: { TMPDIR: nowhere, XDG_RUNTIME_DIR: nowhere, RUNTIME_DIRECTORY: nowhere },
    });
    await generations.line('serving');
    const asked = async (): Promise<string> => {
      const once = talk();
      const { body } = await once.get('/metrics').answer();
      once.socket.destroy();
      return body;
    };
    for (let round = 1; round <= 4; round += 1) {
      await scrape(asked());
      await generations.restart();
    }
    await generations.until(() => generations.alive().length === 2, 'all but two to leave');
    expect(await scrape(asked())).toMatchObject({
      [ACCEPTED]: 5,
      [REQUESTS]: 5,
      [DONE]: 4,
      [LOST]: 0,
      uninterruptible_handover_duration_seconds_count: 4,
      uninterruptible_drain_duration_seconds_count: 4,
    });
  },
);

describe('over HTTP', requirement('addon', 'proc'), () => {
  beforeEach(async () => {
    deploy();
    generations.launch({ command: [process.execPath, HTTP, generations.optionsPath] });
    await generations.line('serving');
  });

  test('requests go on, those that an old process answers included', async () => {
    const kept = [talk(), talk()];
    for (const each of kept) await each.get('/').answer();
    await expectValues({ [REQUESTS]: 2, [ACCEPTED]: 2 });
    await generations.restart();
    for (const each of kept) expect((await each.get('/').answer()).headers['connection']).toBe('close');
    const other = talk();
    await other.get('/').answer();
    await other.get('/').answer();
    await expectValues({ [REQUESTS]: 6, [ACCEPTED]: 3, [DONE]: 1 });
    other.socket.destroy();
  });

  test('a process that drains says no less than the owner did', async () => {
    const kept = talk();
    const scraped = async (): Promise<string> => (await kept.get('/metrics').answer()).body;
    expect(await scrape(scraped())).toMatchObject({ [ACCEPTED]: 1, [REQUESTS]: 1 });
    await generations.restart();
    for (const each of [talk(), talk(), talk()]) {
      await each.get('/').answer();
      each.socket.destroy();
    }
    await expectValues({ [ACCEPTED]: 4, [REQUESTS]: 4, [DONE]: 1 });
    const values = await scrape(scraped());
    expect(values).toMatchObject({
      [ACCEPTED]: 4,
      [REQUESTS]: 5,
      [DONE]: 1,
      uninterruptible_generation: 2,
      'uninterruptible_connections{generation="1",state="busy"}': 1,
    });
    expect(values).not.toHaveProperty('uninterruptible_draining_processes');
    await expectValues({ [ACCEPTED]: 4, [REQUESTS]: 5 });
  });
});

describe('a peer that knows nothing of counters', requirement('addon', 'proc', 'python3'), () => {
  test('takes over and gives back; what is counted begins anew', async () => {
    await start({ rollbackWindow: 0 });
    await ask(2);
    await expectValues({ [ACCEPTED]: 2 });
    const python = generations.launch({ command: ['python3', '-B', ADOPT, generations.controlPath] });
    await generations.line('serving', ({ pid }) => pid === python.pid);
    await generations.line('leaving');
    await ask(1);
    expect(
      objectOf(
        await uninterruptible(['status', '--metrics', '--json', '--control', generations.controlPath]),
      ),
    ).toMatchObject({ ok: false, exitCode: 6, error: { code: 'not-understood' } });
    const since = generations.lines.length;
    generations.launch();
    await generations.line('serving', ({ pid }) => pid !== python.pid, since);
    await generations.gone(python.pid ?? 0);
    highest = {};
    await ask(1);
    await expectValues({ [ACCEPTED]: 1, [DONE]: 1, uninterruptible_generation: 3 });
    // And goes on from there.
    await generations.restart();
    await expectValues({ [ACCEPTED]: 1, [DONE]: 2 });
  });

  test('is offered no books', async () => {
    await start();
    const offer = async (features: string[]): Promise<object | undefined> => {
      const peer = new ControlPeer(generations.controlPath);
      peer.send({ type: 'take-over', versions: [1], features, pid: 1 });
      await expect.poll(() => peer.messages.length, PATIENCE).toBeGreaterThan(0);
      peer.close();
      return peer.messages[0];
    };
    await expect.poll(() => offer(['take-back']), PATIENCE).toMatchObject({ type: 'offer' });
    await expect.poll(() => offer(['counters']), PATIENCE).toHaveProperty('books');
    await expect.poll(() => offer(['take-back']), PATIENCE).toMatchObject({ type: 'offer' });
    await expect.poll(() => offer(['take-back']), PATIENCE).not.toHaveProperty('books');
  });
});

test('the command prints what the server says', requirement('addon'), async () => {
  await start();
  await ask(2);
  const run = (...words: string[]) =>
    uninterruptible(['status', ...words, '--control', generations.controlPath]);
  const { code, stdout, stderr } = await run('--metrics');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toBe(await askedOfOwner());
  expect(valuesOf(stdout)).toMatchObject({ [ACCEPTED]: 2 });
  expect(objectOf(await run('--metrics', '--json'))).toEqual({ ok: true, exitCode: 0, metrics: stdout });
  expect(await run('--metrics', '--watch')).toMatchObject({ code: 2 });
});
