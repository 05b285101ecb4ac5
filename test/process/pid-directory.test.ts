/** The directory of the pid file vanishes: while a server runs, when it restarts, between `ready` and the end of that, when it stops. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  ask,
  echo,
  rejection,
  serving,
  TestServer,
  temporaryDirectory,
  until,
  within,
} from '../support/in-process.js';
import { requirement } from '../support/requirements.js';

let directory: string;
let options: { controlPath: string; pidfilePath: string };
beforeEach(() => {
  const temporary = temporaryDirectory();
  directory = join(temporary, 'run');
  mkdirSync(directory);
  options = { controlPath: join(temporary, 'control'), pidfilePath: join(directory, 'pid') };
});

const remove = (): void => rmSync(directory, { recursive: true });
const told = ({ log }: TestServer): string[] =>
  log.entries.filter(({ level }) => level === 'warn' || level === 'error').map(({ message }) => message);

describe('the directory of the pid file that vanished', requirement('addon'), () => {
  test('is missed by nobody while a server serves, and when it stops', async () => {
    const server = await serving(echo, options);
    remove();
    expect(await ask(server, 'hello')).toBe('hello');
    await server.stop();
    expect(told(server)).toEqual([]);
    expect(existsSync(directory)).toBe(false);
  });

  test('fails a restart, is named, and the old version serves on until it is there again', async () => {
    const first = await serving(echo, options);
    remove();
    const second = new TestServer(echo, options);
    expect(await rejection(second.start())).toMatchObject({
      code: 'UNINTERRUPTIBLE_PIDFILE_UNWRITABLE',
      message: `The pid file ${options.pidfilePath} cannot be written: directory ${directory} does not exist.`,
    });
    expect(told(second)).toEqual(['could not start']);
    await first.log.entry('hand-over failed, serving on');
    expect(await ask(first, 'hello')).toBe('hello');
    mkdirSync(directory);
    const third = await serving(echo, options);
    await within(first.stopped, 'the old one to leave');
    expect(readFileSync(options.pidfilePath, 'utf8')).toBe(`${process.pid}\n`);
    await third.stop();
    expect(readdirSync(directory)).toEqual([]);
  });

  test('is put right after a failed restart as soon as it is there again', async () => {
    const first = await serving(echo, options);
    remove();
    await rejection(new TestServer(echo, options).start());
    await first.log.entry('the pid file could not be put right');
    mkdirSync(directory);
    await until(() => existsSync(options.pidfilePath), 'the pid file');
    expect(readFileSync(options.pidfilePath, 'utf8')).toBe(`${process.pid}\n`);
  });

  test('amid a restart does not fail it: the new version serves, and writes the file later', async () => {
    const first = await serving(echo, options);
    class Warming extends TestServer {
      override warmUp(): Promise<void> {
        remove();
        return Promise.resolve();
      }
    }
    // Prepared when it warms up.
    const second = new Warming(echo, options);
    await second.start();
    await within(first.stopped, 'the old one to leave');
    expect(told(second)).toEqual(['the pid file could not be put in place']);
    expect(await ask(second, 'hello')).toBe('hello');
    mkdirSync(directory);
    await until(() => existsSync(options.pidfilePath), 'the pid file');
    await second.stop();
    expect(readdirSync(directory)).toEqual([]);
  });
});
