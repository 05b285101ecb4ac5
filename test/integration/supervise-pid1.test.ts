/** supervise as the first process of a container. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { exitOf, zombiesOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';
import { asPid1, prepare, supervisedServer } from '../support/supervised.js';

describe('a supervisor as pid 1', requirement('addon', 'namespaces'), () => {
  test('stays through ten restarts, leaves no zombie, drains at TERM, and passes the exit code on', async () => {
    const generations = prepare();
    const server = supervisedServer(generations.optionsPath);
    // The zombies of a pid namespace are seen from inside.
    const container = generations.launch({ command: asPid1(server) });
    expect((await generations.line('serving')).pid).toBeGreaterThan(1);
    const [supervisor] = generations.alive().filter((pid) => isPid1(pid));
    expect(supervisor).toBeDefined();
    for (let round = 1; round <= 10; round++) {
      process.kill(supervisor ?? 0, 'SIGUSR1');
      await generations.line('serving', ({ generation }) => generation === round + 1);
      await generations.line('handed over', ({ generation }) => generation === round);
    }
    await generations.until(() => zombiesOf(supervisor ?? 0).length === 0, 'no zombie to be left');
    expect(await generations.request('hello')).toMatch(/^hello \d+$/);
    const answer = generations.request('eval new Promise((done) => setTimeout(() => done(1), 300))');
    await generations.request('hello');
    process.kill(supervisor ?? 0, 'SIGTERM');
    expect(await answer).toBe('1');
    expect(await exitOf(container)).toEqual({ code: 0, signal: null });
  });

  test('ends with the code of a new version that crashes as the owner', async () => {
    const generations = prepare();
    const container = generations.launch({ command: asPid1(supervisedServer(generations.optionsPath)) });
    await generations.line('serving');
    const [supervisor] = generations.alive().filter((pid) => isPid1(pid));
    process.kill(supervisor ?? 0, 'SIGUSR1');
    await generations.line('leaving');
    void generations.evaluate('process.exit(42)').catch(() => undefined);
    expect(await exitOf(container)).toEqual({ code: 42, signal: null });
  });
});

/** Whether it is pid 1 in its own namespace (the last number of NSpid). */
function isPid1(pid: number): boolean {
  const numbers =
    /^NSpid:(.*)$/m
      .exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
      ?.trim()
      .split(/\s+/) ?? [];
  return numbers.length > 1 && numbers.at(-1) === '1';
}
