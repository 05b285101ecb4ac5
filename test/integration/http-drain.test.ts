/** What a restart does to whoever is in the middle of something, and to whoever does nothing: with real processes. */
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Message } from '../../src/handover/protocol.js';
import { Generations } from '../support/generations.js';
import { Conversation } from '../support/http.js';
import { requirement } from '../support/requirements.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/http.mjs', import.meta.url));
/** What docs/http.md adds to the keep-alive timeout. */
const MARGIN = 1_000;
/** For a machine that has something else to do. */
const SLOWNESS = 2_000;

let generations: Generations;
let talks: Conversation[];
beforeEach(() => {
  generations = new Generations();
  talks = [];
});
afterEach(async () => {
  for (const { socket } of talks) socket.destroy();
  await generations.end();
});

async function serving(options: Record<string, unknown> = {}, more: object = {}): Promise<number> {
  const { controlPath, optionsPath } = generations;
  generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', controlPath, ...options }], ...more });
  generations.launch({ command: [process.execPath, FIXTURE, optionsPath] });
  await generations.line('serving');
  return generations.owner;
}

function talk(): Conversation {
  const one = new Conversation(connect(generations.port(), '127.0.0.1'));
  talks.push(one);
  return one;
}

/** A connection on which one answer came, and nothing since. */
async function silent(): Promise<Conversation> {
  const one = talk();
  expect(await one.get('/').answer()).toMatchObject({ status: 200, headers: { connection: 'keep-alive' } });
  return one;
}

type Fact = 'connections' | 'draining';

async function told(fact: Fact): Promise<unknown> {
  const answer = (await generations.order({ type: 'status' })) as Message & { status: Record<Fact, unknown> };
  return answer.status[fact];
}

/** Waits until the owner has read something of so many connections that it has not answered. */
async function busy(count: number): Promise<void> {
  await expect.poll(() => told('connections'), { timeout: 10_000 }).toMatchObject({ busy: count });
}

describe('a restart', requirement('addon'), () => {
  test('lets an upload come to its end that takes seconds', async () => {
    const first = await serving();
    const upload = talk().send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 40\r\n\r\n');
    await busy(1);
    const second = await generations.restart();
    for (let bytes = 0; bytes < 40; bytes += 1) {
      // The time it takes is what is tested: nothing may cut an upload for being slow.
      await delay(100);
      upload.send('x');
    }
    const { status, body } = await upload.answer();
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({ pid: first, body: 'x'.repeat(40) });
    expect(second).not.toBe(first);
    await generations.gone(first);
  });

  test('answers who had sent half a header', async () => {
    const first = await serving();
    const half = talk().send('GET / HTTP/1.1\r\nHo');
    await busy(1);
    await generations.restart();
    const { status, headers, body } = await half.send('st: test\r\n\r\n').answer();
    expect(status).toBe(200);
    expect(headers).toMatchObject({ connection: 'close' });
    expect(JSON.parse(body)).toMatchObject({ pid: first });
    await generations.gone(first);
  });

  test('waits for a silent client as long as the keep-alive timeout, and a second more', async () => {
    const keepAliveTimeout = 2_000;
    const first = await serving({ httpOptions: { keepAliveTimeout } });
    const client = await silent();
    const since = performance.now();
    await generations.restart();
    await generations.gone(first);
    // Half of it, because the timeout began before the restart did.
    expect(performance.now() - since).toBeGreaterThan(keepAliveTimeout / 2);
    expect(performance.now() - since).toBeLessThan(keepAliveTimeout + MARGIN + SLOWNESS);
    await client.end();
  });

  test('ends everything at the deadline, and says how many were cut', async () => {
    const drainTimeout = 1_500;
    const first = await serving({ drainTimeout, httpOptions: { keepAliveTimeout: 60_000 } }, { seconds: 60 });
    const idle = await silent();
    const download = talk().get('/download');
    const upload = talk().send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 40\r\n\r\n');
    await busy(2);
    await generations.restart();
    const since = performance.now();
    await expect
      .poll(() => told('draining'), { timeout: drainTimeout - 500 })
      .toMatchObject([{ pid: first, generation: 1, connections: 3, busy: 2, requests: 3 }]);
    const { cut } = await generations.line('the drain deadline cut connections', ({ pid }) => pid === first);
    expect(cut).toBe(2);
    await generations.gone(first);
    expect(performance.now() - since).toBeLessThan(drainTimeout + SLOWNESS);
    await Promise.all([idle, download, upload].map(closed));
  });
});

async function closed({ socket }: Conversation): Promise<void> {
  await expect.poll(() => socket.destroyed, { timeout: 5_000 }).toBe(true);
}
