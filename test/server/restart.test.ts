/** Restarts of a server in the process of the test, which come to nothing: who asks, and what is started. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { StepEvent } from '../../src/index.js';
import { KeptLog, serving } from '../support/in-process.js';
import { requirement } from '../support/requirements.js';

/** What a new version that ends with this code says. */
const exited = (code: number) => ({ code: 'UNINTERRUPTIBLE_RESTART_EXITED', details: { exitCode: code } });

describe('who asks for a restart', requirement('addon', 'proc'), () => {
  test('twice in one turn gets one', async () => {
    const logger = new KeptLog();
    const server = await serving(undefined, { startCommand: ['/bin/sh', '-c', 'exit 3'], logger });
    const asked = [server.restart(), server.restart()];
    for (const promise of asked) await expect(promise).rejects.toMatchObject(exited(3));
    expect(logger.of('restarting')).toHaveLength(1);
  });

  test('while its first step is told joins it, and hears what came of it', async () => {
    const server = await serving(undefined, { startCommand: ['/bin/sh', '-c', 'exit 3'] });
    const joined: Promise<unknown>[] = [];
    const onStep = (event: unknown): void => {
      if ((event as StepEvent).step === 'restarting') joined.push(server.restart());
    };
    subscribe('uninterruptible:handover', onStep);
    onTestFinished(() => void unsubscribe('uninterruptible:handover', onStep));
    await expect(server.restart()).rejects.toMatchObject(exited(3));
    expect(joined).toHaveLength(1);
    await expect(joined[0]).rejects.toMatchObject(exited(3));
  });
});

describe('whoever does not wait', requirement('addon', 'proc'), () => {
  // An unhandled rejection would fail the test, as it would end a program.
  test('for a restart that fails goes on', async () => {
    const server = await serving(undefined, { startCommand: ['/bin/sh', '-c', 'exit 3'] });
    void server.restart();
    await server.log.entry('hand-over failed, serving on');
    await nextTurn();
    expect(server.state).toBe('serving');
  });

  test('for a rollback that is impossible, or a restart at the wrong time, goes on, and finds it in the log', async () => {
    const server = await serving();
    void server.rollback();
    await server.log.entry(
      'Nobody can take the service back. This process was started without one before it. Instead, put the old version in place and restart.',
    );
    await server.stop();
    void server.restart();
    await server.log.entry('restart() cannot be called on a server that is stopped.');
    await nextTurn();
  });
});

describe('a command without a slash', requirement('addon', 'proc'), () => {
  test('is found in node_modules/.bin of the release', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'restart-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const tools = join(directory, 'node_modules/.bin');
    mkdirSync(tools, { recursive: true });
    writeFileSync(join(tools, 'tool'), '#!/bin/sh\nexit 6\n', { mode: 0o755 });
    const server = await serving(undefined, { startCommand: ['tool'], workingDirectory: directory });
    await expect(server.restart()).rejects.toMatchObject(exited(6));
  });

  test('that is nowhere is told so', async () => {
    const server = await serving(undefined, { startCommand: ['no-such-tool'] });
    await expect(server.restart()).rejects.toMatchObject({
      code: 'UNINTERRUPTIBLE_RESTART_COMMAND_NOT_FOUND',
      message: expect.stringContaining('nor in PATH') as string,
    });
  });
});
