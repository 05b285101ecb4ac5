/** A restart that failed says what is wrong in the words of whoever has to put it right, and each thing once. */
import { once } from 'node:events';
import { mkdirSync, rmdirSync, symlinkSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Generations, type Line, type Version } from '../support/generations.js';
import { requirement } from '../support/requirements.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/server.mjs', import.meta.url));

let generations: Generations;
beforeEach(() => {
  generations = new Generations();
});
afterEach(async () => generations.end());

/** Why a server with these options does not restart. */
async function failure(
  options: Record<string, unknown>,
  before: () => void,
  next: Version = {},
): Promise<Line['err']> {
  const servers = [{ bind: `unix://${join(generations.directory, 'socket')}`, ...options }];
  generations.deploy({ servers });
  generations.launch();
  const { pid } = await generations.line('serving');
  before();
  generations.deploy({ servers, ...next });
  process.kill(pid, 'SIGUSR1');
  const { err } = await generations.line('hand-over failed, serving on');
  return err;
}

describe('a restart that fails', requirement('addon', 'proc'), () => {
  test('because startCommand clears the environment asks for that', async () => {
    const startCommand = ['env', '-i', process.execPath, FIXTURE, generations.optionsPath];
    expect(await failure({ startCommand }, () => undefined)).toMatchObject({
      code: 'UNINTERRUPTIBLE_RESTART_EXITED',
      message:
        'The new process exited with code 1 before it was ready. ' +
        'It did not connect: does startCommand clear the environment (sudo, env -i)?',
    });
  });

  test('because the program itself listens on something that is in use says that only listeners change hands', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const listens = `require('node:net').createServer().listen(${port}, '127.0.0.1')`;
    expect(await failure({ startCommand: [process.execPath, '-e', listens] }, () => undefined)).toMatchObject(
      {
        code: 'UNINTERRUPTIBLE_RESTART_EXITED',
        message:
          'The new process exited with code 1 before it was ready. ' +
          'What is in use is none of the listeners, and only these change hands: give it to bind.',
      },
    );
  });

  test.each<[string, string, (directory: string, target: string) => void, (directory: string) => void]>([
    [
      'is missing',
      'does not exist',
      (directory) => mkdirSync(directory),
      (directory) => rmdirSync(directory),
    ],
    [
      'is a link to nothing',
      'is a link that leads nowhere',
      (directory, target) => {
        mkdirSync(target);
        symlinkSync(target, directory);
      },
      (directory) => rmdirSync(`${directory}-target`),
    ],
  ])('because workingDirectory %s does not blame the command', async (_name, says, make, spoil) => {
    const workingDirectory = join(generations.directory, 'current');
    make(workingDirectory, `${workingDirectory}-target`);
    const startCommand = 'node server.mjs';
    expect(await failure({ workingDirectory, startCommand }, () => spoil(workingDirectory))).toMatchObject({
      code: 'UNINTERRUPTIBLE_RESTART_COMMAND_NOT_FOUND',
      message: `"node server.mjs" could not be started: workingDirectory ${workingDirectory} ${says}.`,
    });
  });

  test('because of the new version says so once: its stack is in the last words, and nowhere else', async () => {
    const err = await failure({}, () => undefined, { warmUp: 'reject' });
    expect(err?.details?.['lastWords']).toContain('EchoServer.warmUp');
    expect(err?.details).not.toHaveProperty('stack');
    expect(err).not.toHaveProperty('cause');
  });

  test('because the new version ended is not its own cause', async () => {
    const err = await failure({}, () => undefined, { startup: 'exit-3' });
    expect(err?.code).toBe('UNINTERRUPTIBLE_RESTART_EXITED');
    expect(err).not.toHaveProperty('cause');
  });
});
