/** G5 where numbers of users are not what they seem: a namespace that has none for anybody. */
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { Generations } from '../support/generations.js';
import { requirement } from '../support/requirements.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/server.mjs', import.meta.url));

let generations: Generations;
afterEach(async () => generations.end());

test(
  'G5: where the kernel shows every user as 65534, nobody is taken for the same one',
  requirement('addon', 'namespaces', 'proc'),
  async () => {
    generations = new Generations();
    generations.deploy({});
    const server = [process.execPath, FIXTURE, generations.optionsPath];
    generations.launch({ command: ['unshare', '--user', ...server] });
    const { pid } = await generations.line('serving');
    expect(await generations.evaluate('process.geteuid()')).toBe(65_534);
    const orders = [{ type: 'status' }, { type: 'restart' }, { type: 'stop' }] as const;
    for (const order of orders) {
      expect(await generations.order(order)).toMatchObject({ type: 'refused', reason: 'forbidden' });
    }
    expect(await generations.request('hello')).toBe(`hello ${pid}`);
  },
);
