import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Generations } from '../../src/supervise/generations.js';
import { requirement } from '../support/requirements.js';

const children: ChildProcess[] = [];

async function running(): Promise<number> {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  children.push(child);
  return child.pid ?? 0;
}

async function end(pid: number): Promise<void> {
  const child = children.find((one) => one.pid === pid);
  child?.kill('SIGKILL');
  if (child !== undefined) await once(child, 'exit');
}

describe('the main process', requirement('linux', 'proc'), () => {
  let command: number;
  let generations: Generations;
  beforeEach(async () => {
    command = await running();
    generations = new Generations(command);
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  test('is the command, until another announces itself', async () => {
    const server = await running();
    expect(generations.main.pid).toBe(command);
    expect(generations.announce(server, server)).toBe(true);
    expect(generations.main.pid).toBe(server);
    // It was a wrapper: nobody waits for it.
    expect(generations.earlier).toEqual([]);
    expect(generations.includes(command)).toBe(false);
  });

  test('may have a keeper that speaks for it, and names its successor', async () => {
    const [keeper, successor, other] = [await running(), await running(), await running()];
    generations.keptBy(keeper, command);
    expect(generations.announce(command, keeper)).toBe(false);
    expect(generations.includes(command)).toBe(true);
    expect(generations.speaks(keeper)).toBe(true);
    expect(generations.announce(successor, keeper)).toBe(true);
    expect(generations.main.pid).toBe(successor);
    // Of another one it has nothing to say.
    expect(generations.announce(other, keeper)).toBe(false);
    // Nor has an earlier generation, which names the one that is.
    expect(generations.announce(successor, command)).toBe(false);
    expect(generations.announce(other, command)).toBe(false);
    expect(generations.main.pid).toBe(successor);
  });

  test('whose keeper has taken over from one that died is announced by that', async () => {
    const [second, keeper] = [await running(), await running()];
    generations.announce(command, command);
    generations.keptBy(keeper, second);
    await end(command);
    expect(generations.announce(second, keeper)).toBe(true);
    expect(generations.main.pid).toBe(second);
    expect(generations.speaks(keeper)).toBe(true);
  });

  test('has no keeper that only says so: it could name anybody', async () => {
    const [liar, other] = [await running(), await running()];
    expect(generations.announce(command, liar)).toBe(false);
    expect(generations.includes(command)).toBe(false);
    expect(generations.announce(other, liar)).toBe(false);
    generations.announce(command, command);
    generations.announce(command, liar);
    generations.keptBy(other, liar);
    expect(generations.speaks(liar)).toBe(false);
    expect(generations.announce(other, liar)).toBe(false);
    expect(generations.main.pid).toBe(command);
  });

  test('keeps its keeper when that of another is named, and when the program has ended', async () => {
    const [keeper, another, itsKeeper, successor] = [
      await running(),
      await running(),
      await running(),
      await running(),
    ];
    generations.keptBy(keeper, command);
    generations.announce(command, keeper);
    await end(command);
    generations.keptBy(itsKeeper, another);
    expect(generations.announce(successor, keeper)).toBe(true);
  });

  test('names its successor, and is then an earlier one, as long as it lives', async () => {
    const successor = await running();
    generations.announce(command, command);
    expect(generations.announce(successor, command)).toBe(true);
    expect(generations.main.pid).toBe(successor);
    expect(generations.earlier.map(({ pid }) => pid)).toEqual([command]);
    expect(generations.includes(command)).toBe(true);
    await end(command);
    expect(generations.earlier).toEqual([]);
  });

  test('is not named by one that is it no longer', async () => {
    const [second, third] = [await running(), await running()];
    generations.announce(second, command);
    generations.announce(third, second);
    expect(generations.announce(second, command)).toBe(false);
    expect(generations.main.pid).toBe(third);
  });

  test('may be an earlier one again, which says so itself', async () => {
    const successor = await running();
    generations.announce(command, command);
    generations.announce(successor, command);
    await end(successor);
    expect(generations.announce(command, command)).toBe(true);
    expect(generations.main.pid).toBe(command);
    expect(generations.earlier).toEqual([]);
  });

  test.for([
    ['a process that is not there', 2 ** 22 + 1],
    ['this process', process.pid],
    ['pid 1', 1],
    ['a process group', -5],
  ] as const)('is never %s', ([, pid]) => {
    expect(generations.announce(pid, pid)).toBe(false);
    expect(generations.announce(pid, command)).toBe(false);
    expect(generations.main.pid).toBe(command);
  });
});
