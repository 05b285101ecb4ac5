/** G3: the old process leaves when its last connection has ended (or at the drain deadline) and the rollback window is over. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EchoGenerations, type EchoVersion } from '../support/echo.js';
import type { Line } from '../support/generations.js';
import { isAlive } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

const CROWD = 10_000;

let generations: EchoGenerations;
const clients: Socket[] = [];

beforeEach(() => {
  generations = new EchoGenerations();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await generations.end();
});

/** Starts the first generation. Resolves with its pid, and how it will have ended. */
async function serve(
  options: Record<string, unknown> = {},
  version: EchoVersion = {},
): Promise<{ pid: number; exited: Promise<unknown> }> {
  const bind = `unix://${join(generations.directory, 'socket')}?backlog=4096`;
  generations.deploy({ servers: [{ bind, controlPath: generations.controlPath, ...options }], ...version });
  const child = generations.launch();
  const exited = once(child, 'exit');
  await generations.line('serving');
  return { pid: generations.owner, exited };
}

/** So many connections that have been answered once and stay, even when the server has ended its side. */
async function stay(count: number): Promise<Socket[]> {
  const path = join(generations.directory, 'socket');
  const wave = Array.from({ length: count }, () => connect({ path, allowHalfOpen: true }));
  clients.push(...wave);
  await Promise.all(
    wave.map(async (client) => {
      client.write('hello\n');
      await once(client, 'data');
    }),
  );
  return wave;
}

function millisecondsBetween(earlier: Line, later: Line): number {
  return Date.parse(String(later['time'])) - Date.parse(String(earlier['time']));
}

describe('G3: the old process leaves', () => {
  test('when its last connection has ended, not before', requirement('addon', 'proc'), async () => {
    const { pid, exited } = await serve();
    const [first, last] = (await stay(2)) as [Socket, Socket];
    await generations.restart();
    await generations.line('draining', ({ connections }) => connections === 2);
    first.end();
    await generations.line('draining', ({ connections }) => connections === 1);
    expect(isAlive(pid)).toBe(true);
    last.write('still there\n');
    expect(String(await once(last, 'data'))).toBe(`still there ${pid}\n`);
    last.end();
    expect(await exited).toEqual([0, null]);
  });

  const orders: [order: string, give: () => unknown][] = [
    ['a restart', () => generations.restart()],
    ['a stop', () => process.kill(generations.owner, 'SIGTERM')],
  ];
  test.for(orders)(
    'at the drain deadline after %s, says how many connections it cut, and exits with 0',
    requirement('addon'),
    async ([_order, give]) => {
      const { pid, exited } = await serve({ drainTimeout: 500 });
      const cut = (await stay(3)).map((client) => once(client, 'end'));
      await give();
      await Promise.all(cut);
      expect(await exited).toEqual([0, null]);
      const said = await generations.line('the drain deadline cut connections', (line) => line.pid === pid);
      expect(said).toMatchObject({ level: 40, cut: 3 });
      const draining = await generations.line('draining');
      expect(millisecondsBetween(draining, said)).toBeGreaterThanOrEqual(490);
    },
  );

  test('when the rollback window is over, not before', requirement('addon'), async () => {
    const { pid, exited } = await serve({ rollbackWindow: 1_000 });
    await generations.restart();
    expect(await exited).toEqual([0, null]);
    const said = async (msg: string): Promise<Line> => generations.line(msg, (line) => line.pid === pid);
    const waited = millisecondsBetween(await said('handed over'), await said('leaving'));
    expect(waited).toBeGreaterThanOrEqual(990);
    expect(waited).toBeLessThan(3_000);
  });
});

test(
  'G3: a drain of 10,000 connections whose handlers obey context.signal does not stall the loop',
  requirement('addon', 'descriptors', 'proc'),
  async () => {
    const { pid, exited } = await serve({}, { obedient: true });
    const crowd: Socket[] = [];
    while (crowd.length < CROWD) crowd.push(...(await stay(200)));
    const told = crowd.map((client) => once(client, 'end'));
    await generations.restart();
    await Promise.all(told);
    for (const client of crowd) client.destroy();
    const line = await generations.line('all told', (said) => said.pid === pid);
    expect(line['told']).toBe(CROWD);
    expect(line['longestTurn']).toBeLessThan(50);
    expect(await exited).toEqual([0, null]);
  },
);
