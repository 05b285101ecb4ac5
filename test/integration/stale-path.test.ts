import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { loadBinding } from '../../src/binding.js';
import { Generations } from '../support/generations.js';
import { exitOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

const ROUNDS = 4;

let generations: Generations;
afterEach(async () => generations.end());

/** A path whose server was killed. */
function leaveStalePath(path: string): void {
  const loaded = loadBinding();
  if (!('binding' in loaded)) throw new Error(loaded.unavailable);
  loaded.binding.listenUnix(path, { type: 'stream', backlog: 1, mode: null }).close();
}

test(
  'of servers that start at once on the path of a dead one, one gets it',
  requirement('addon'),
  async () => {
    for (let round = 0; round < ROUNDS; round++) {
      generations = new Generations();
      const path = join(generations.directory, 'socket');
      leaveStalePath(path);
      // Each with a control path of its own: they know nothing of each other.
      generations.deploy({ servers: [{ bind: `unix://${path}` }] });
      const children = Array.from({ length: 3 }, () => generations.launch());
      const { pid } = await generations.line('serving');
      const losers = children.filter((child) => child.pid !== pid);
      expect(await Promise.all(losers.map(exitOf))).toEqual(losers.map(() => ({ code: 1, signal: null })));
      const failures = generations.lines.filter(({ msg }) => msg === 'could not start');
      expect(failures.map(({ err }) => err?.code)).toEqual(
        losers.map(() => 'UNINTERRUPTIBLE_LISTENER_ADDRESS_IN_USE'),
      );
      expect(lstatSync(path).isSocket()).toBe(true);
      expect(await generations.request('hello', { path })).toBe(`hello ${pid}`);
      await generations.end();
    }
  },
);
