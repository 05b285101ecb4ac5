/** G1: whoever was accepted or waited in a queue when a listener ended is answered. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Generations } from '../support/generations.js';
import { stateOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

type Target = { port: number } | { path: string };

const CLIENTS = 100;

let generations: Generations;

beforeEach(() => {
  generations = new Generations();
});

afterEach(async () => generations.end());

/** Connected clients that have asked one line each; whether anybody has accepted them is another matter. */
async function askers(target: Target, name: string): Promise<Socket[]> {
  const sockets = Array.from({ length: CLIENTS }, () => connect({ ...target, allowHalfOpen: true }));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  sockets.forEach((socket, at) => socket.write(`${name}-${at}\n`));
  return sockets;
}

/** What they were told until the server closed. */
async function answers(sockets: readonly Socket[]): Promise<string[]> {
  return Promise.all(
    sockets.map((socket) => {
      socket.end();
      return text(socket);
    }),
  );
}

function expected(name: string, pid: number): string[] {
  return Array.from({ length: CLIENTS }, (_, at) => `${name}-${at} ${pid}\n`);
}

async function stopped(pid: number): Promise<void> {
  await generations.until(() => stateOf(pid) === 'T', `process ${pid} to stand still`);
}

describe('G1: a final stop answers whoever had connected before it', () => {
  const kinds: [kind: string, bind: () => string, target: () => Target][] = [
    ['TCP', () => 'tcp://127.0.0.1:0', () => ({ port: generations.port() })],
    ['a UNIX path', () => `unix://${path()}`, () => ({ path: path() })],
  ];
  const path = (): string => join(generations.directory, 'socket');

  test.for(kinds)('over %s', requirement('addon', 'proc'), async ([_kind, bind, target]) => {
    generations.deploy({ servers: [{ bind: bind(), controlPath: generations.controlPath }] });
    const child = generations.launch();
    const exited = once(child, 'exit');
    await generations.line('serving');
    const pid = generations.owner;
    const accepted = await askers(target(), 'accepted');
    await Promise.all(accepted.map((socket) => once(socket, 'readable')));

    process.kill(pid, 'SIGSTOP');
    await stopped(pid);
    accepted.forEach((socket, at) => socket.write(`again-${at}\n`));
    const queued = await askers(target(), 'queued');
    process.kill(pid, 'SIGTERM');
    process.kill(pid, 'SIGCONT');

    expect(await answers(queued)).toEqual(expected('queued', pid));
    const [first, again] = [expected('accepted', pid), expected('again', pid)];
    expect(await answers(accepted)).toEqual(first.map((line, at) => line + (again[at] ?? '')));
    expect(await exited).toEqual([0, null]);
    expect(existsSync(path())).toBe(false);
  });
});

test(
  'G1: the queues of listeners that the new version removed are answered by the old one',
  requirement('addon', 'proc'),
  async () => {
    const kept = `tcp://127.0.0.1:0?name=kept`;
    const path = join(generations.directory, 'removed');
    const { controlPath } = generations;
    generations.deploy({
      servers: [{ bind: [kept, 'tcp://127.0.0.1:0', `unix://${path}`], controlPath }],
      fault: { at: 'received:owner', action: 'stop' },
    });
    generations.launch();
    await generations.line('serving');
    const old = generations.owner;
    const removed = { port: generations.port(1) };
    generations.deploy({ servers: [{ bind: kept, controlPath }] });
    process.kill(old, 'SIGUSR1');
    const { pid: owner } = await generations.line('serving', ({ pid }) => pid !== old);
    await stopped(old);
    const overTcp = await askers(removed, 'tcp');
    const overUnix = await askers({ path }, 'unix');
    process.kill(old, 'SIGCONT');

    expect(await answers(overTcp)).toEqual(expected('tcp', old));
    expect(await answers(overUnix)).toEqual(expected('unix', old));
    await generations.gone(old);
    expect(existsSync(path)).toBe(false);
    await expect(once(connect(removed), 'connect')).rejects.toThrow('ECONNREFUSED');
    expect(await generations.request('hello')).toBe(`hello ${owner}`);
  },
);
