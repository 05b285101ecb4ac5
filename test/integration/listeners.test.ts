import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { ListenerInfo } from '../../src/connections/connection.js';
import { MAX_PACKET_BYTES, type StatusAnswer } from '../../src/handover/protocol.js';
import { Generations, type Line } from '../support/generations.js';
import { requirement } from '../support/requirements.js';

let generations: Generations;
afterEach(async () => generations.end());

/** The ports of everything the owner said it listens on. */
function ports({ listeners }: Line): number[] {
  return (listeners as string[]).map((bound) => Number(new URL(bound).port));
}

test(
  'three hundred listeners change hands, which is more than one message takes',
  requirement('addon'),
  async () => {
    const bind = Array.from({ length: 300 }, () => 'tcp://127.0.0.1:0');
    generations = new Generations();
    const servers = [{ bind, controlPath: generations.controlPath }];
    generations.deploy({ servers });
    generations.launch();
    const before = ports(await generations.line('serving'));
    const first = generations.owner;
    const second = await generations.restart();
    const after = ports(await generations.line('serving', ({ pid }) => pid === second));
    expect(new Set(before).size).toBe(300);
    expect(after).toEqual(before);
    await generations.gone(first);
    const answers = await Promise.all(after.map((port) => generations.request('hello', { port })));
    expect(new Set(answers)).toEqual(new Set([`hello ${second}`]));
  },
);

test(
  'a thousand listeners with long paths change hands and are all in the status, which no single message has room for',
  requirement('addon'),
  async () => {
    generations = new Generations();
    const directory = generations.directory.padEnd(80, '/.');
    const paths = Array.from({ length: 1000 }, (_, at) => `${directory}/socket-${at}`);
    const bind = paths.map((path) => `unix://${path}?name=${'listener-'.repeat(8)}${path}`);
    const controlPath = generations.controlPath;
    generations.deploy({ servers: [{ bind, controlPath }] });
    generations.launch();
    await generations.line('serving');
    const [first] = [generations.owner];
    // Every other one is not used any more.
    generations.deploy({ servers: [{ bind: bind.filter((_, at) => at % 2 === 0), controlPath }] });
    const second = await generations.restart();
    await generations.gone(first);
    const { status } = (await generations.order({ type: 'status' })) as StatusAnswer;
    expect(JSON.stringify(status).length).toBeGreaterThan(MAX_PACKET_BYTES);
    expect((status['listeners'] as ListenerInfo[]).map(({ name }) => name)).toEqual(
      paths.filter((_, at) => at % 2 === 0).map((path) => `${'listener-'.repeat(8)}${path}`),
    );
    expect(await generations.request('hello', { path: paths[998] ?? '' })).toBe(`hello ${second}`);
    expect(readdirSync(generations.directory).filter((name) => name.startsWith('socket-'))).toHaveLength(500);
  },
);

test('several servers of one process change hands together', requirement('addon'), async () => {
  generations = new Generations();
  const path = join(generations.directory, 'socket');
  const servers = [
    { bind: 'tcp://127.0.0.1:0', allowedNetworks: ['127.0.0.1'], controlPath: generations.controlPath },
    { bind: `unix://${path}?mode=0600` },
  ];
  generations.deploy({ servers });
  generations.launch();
  await generations.line('serving');
  const [first, port] = [generations.owner, generations.port()];
  expect(await generations.request('hello', { path })).toBe(`hello ${first}`);
  const second = await generations.restart();
  for (const target of [{ port }, { path }]) {
    expect(await generations.request('hello', target)).toBe(`hello ${second}`);
  }
  const exchanges = generations.lines.filter(({ msg }) => msg === 'handed over');
  expect(exchanges).toHaveLength(1);
  expect(await generations.order({ type: 'status' })).toMatchObject({
    status: {
      listeners: [
        { kind: 'tcp', port },
        { kind: 'unix', address: path },
      ],
    },
  });
});

describe('a new version with other paths', requirement('addon'), () => {
  test('leaves none of the old ones behind, and its own work', async () => {
    generations = new Generations();
    const at = (name: string): string => join(generations.directory, name);
    const version = (name: string) => ({
      servers: [
        { bind: 'tcp://127.0.0.1:0', controlPath: at(`control-${name}`), pidfilePath: at(`pid-${name}`) },
      ],
    });
    generations.deploy(version('old'));
    generations.launch();
    await generations.line('serving');
    const first = generations.owner;
    expect(readFileSync(at('pid-old'), 'utf8')).toBe(`${first}\n`);

    generations.deploy(version('new'));
    const second = await generations.restart();
    await generations.line('predecessor gone');
    expect(readFileSync(at('pid-new'), 'utf8')).toBe(`${second}\n`);
    expect([existsSync(at('pid-old')), existsSync(at('control-old'))]).toEqual([false, false]);

    const answer = await generations.order({ type: 'restart' }, undefined, at('control-new'));
    expect(answer).toMatchObject({ type: 'restarted', generation: 3 });
    await generations.line('serving', ({ generation }) => generation === 3);
    process.kill(generations.owner, 'SIGTERM');
    await generations.until(() => generations.alive().length === 0, 'all to leave');
    const locks = ['control-new.lock', 'control-old.lock'];
    expect(readdirSync(generations.directory).sort()).toEqual([...locks, 'options.json']);
  });

  test('serves the old paths until it is ready: a failure changes none', async () => {
    generations = await Generations.start();
    const owner = generations.owner;
    const controlPath = join(generations.directory, 'elsewhere');
    generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', controlPath }], warmUp: 'reject' });
    expect(await generations.order({ type: 'restart' })).toMatchObject({ type: 'failed' });
    expect(existsSync(controlPath)).toBe(false);
    expect(await generations.order({ type: 'status' })).toMatchObject({ status: { pid: owner } });
  });
});
