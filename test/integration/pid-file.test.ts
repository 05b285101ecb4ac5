import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Conversation } from '../support/conversation.js';
import { Generations } from '../support/generations.js';
import { exitOf } from '../support/processes.js';
import { requirement } from '../support/requirements.js';

let generations: Generations;
let path: string;
afterEach(async () => generations.end());

function deploy(pidfilePath: string): void {
  const { controlPath } = generations;
  generations.deploy({ servers: [{ bind: 'tcp://127.0.0.1:0', controlPath, pidfilePath }] });
}

/** A first generation with a pid file. */
async function serving(): Promise<number> {
  generations = new Generations();
  path = join(generations.directory, 'server.pid');
  deploy(path);
  generations.launch();
  return (await generations.line('serving')).pid;
}

function named(): number {
  return Number(readFileSync(path, 'utf8'));
}

describe('the pid file', requirement('addon', 'proc'), () => {
  test('is replaced by each owner, and left alone by a process that drains', async () => {
    const first = await serving();
    expect(named()).toBe(first);
    const { ino } = statSync(path);
    const conversation = await Conversation.open(generations.port());
    const second = await generations.restart();
    expect(named()).toBe(second);
    expect(statSync(path).ino).not.toBe(ino);
    process.kill(first, 'SIGTERM');
    await conversation.end();
    await generations.gone(first);
    expect(named()).toBe(second);
    process.kill(second, 'SIGTERM');
    await generations.gone(second);
    expect(readdirSync(generations.directory).sort()).toEqual(['control.lock', 'options.json']);
  });

  test('of somebody else stays at the final stop', async () => {
    const first = await serving();
    writeFileSync(path, '1\n');
    process.kill(first, 'SIGTERM');
    await generations.gone(first);
    expect(named()).toBe(1);
  });

  test('that a new version no longer uses is removed', async () => {
    await serving();
    deploy(join(generations.directory, 'other.pid'));
    const second = await generations.restart();
    await generations.line('predecessor gone');
    expect(existsSync(path)).toBe(false);
    expect(readFileSync(join(generations.directory, 'other.pid'), 'utf8')).toBe(`${second}\n`);
  });

  test('that cannot be written fails a new version, and the old one serves on', async () => {
    const first = await serving();
    deploy(join(generations.optionsPath, 'server.pid'));
    expect(await generations.order({ type: 'restart' })).toMatchObject({
      type: 'failed',
      message: expect.stringContaining('cannot be written') as string,
      lastWords: expect.stringContaining('UNINTERRUPTIBLE_PIDFILE_UNWRITABLE') as string,
    });
    expect(await generations.request('hello')).toBe(`hello ${first}`);
    expect(named()).toBe(first);
    deploy(path);
    const second = await generations.restart();
    expect(named()).toBe(second);
  });

  test('that cannot be written fails a first start', async () => {
    generations = new Generations();
    deploy(join(generations.directory, 'missing', 'server.pid'));
    const child = generations.launch();
    expect(await exitOf(child)).toEqual({ code: 1, signal: null });
    await generations.until(
      () => generations.stderr.includes('UNINTERRUPTIBLE_PIDFILE_UNWRITABLE'),
      'the reason',
    );
    expect(readdirSync(generations.directory).sort()).toEqual(['control.lock', 'options.json']);
  });
});
