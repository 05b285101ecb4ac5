import { afterEach, describe, expect, test } from 'vitest';
import { Generations } from '../support/generations.js';
import { exitOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

let generations: Generations;
afterEach(async () => generations.end());

/**
 * Settles a moment after the process has begun to drain. The timer is what is tested: it keeps no process alive, and in
 * that moment one that nothing else kept alive would be gone.
 */
const LATE = `(console.log('asked'), new Promise((resolve) => {
  require('node:diagnostics_channel').subscribe('uninterruptible:state', ({ state }) => {
    if (['draining', 'stopping'].includes(state)) setTimeout(resolve, 300, 'late').unref();
  });
}))`;

describe(
  'a handler that waits for what keeps no process alive, when its client has ended',
  requirement('addon', 'proc'),
  () => {
    test.each([
      ['SIGTERM', 'stopped'],
      ['SIGUSR1', 'leaving'],
    ] as const)('is waited for after %s', async (signal, lastLine) => {
      generations = new Generations();
      generations.deploy({});
      const child = generations.launch();
      const { pid } = await generations.line('serving');
      const answer = generations.evaluate(LATE);
      await generations.until(() => generations.stray.includes('asked'), 'the handler');
      process.kill(pid, signal);
      expect(await answer).toBe('late');
      expect(await exitOf(child)).toEqual({ code: 0, signal: null });
      const said = generations.lines.filter((line) => line.pid === pid).map(({ msg }) => msg);
      expect(said).toContain('drained');
      expect(said.at(-1)).toBe(lastLine);
    });
  },
);
