import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import pino from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import { UninterruptibleError } from '../../src/index.js';
import type { Log } from '../../src/log/log.js';
import { type LogOptions, openLog } from '../../src/log/open-log.js';
import { KeptLog, rejection, TestServer, temporaryDirectory } from '../support/in-process.js';

let directory: string;
let logPath: string;
beforeEach(() => {
  directory = temporaryDirectory();
  logPath = join(directory, 'log');
});

function open(options: Partial<LogOptions> = {}): Promise<Log> {
  return openLog({ logger: null, logPath, logLevel: 'info', generation: () => 7, ...options });
}

function lines(path = logPath): Record<string, unknown>[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('a line of the log', () => {
  test('is JSON with time, level, pid, generation, message and facts', async () => {
    const log = await open();
    log.info('serving', { listeners: ['tcp://127.0.0.1:80'] });
    await log.flush();
    const [line] = lines();
    expect(line).toEqual({
      level: 30,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      pid: process.pid,
      generation: 7,
      listeners: ['tcp://127.0.0.1:80'],
      msg: 'serving',
    });
  });

  test('bears the generation of the moment', async () => {
    let generation = 1;
    const log = await open({ generation: () => generation });
    log.info('one');
    generation = 2;
    log.info('two');
    await log.flush();
    expect(lines().map((line) => line['generation'])).toEqual([1, 2]);
  });

  test('tells of an error its code, its details and its causes', async () => {
    const log = await open();
    const cause = new Error('the cause');
    log.error('failed', {
      err: new UninterruptibleError('UNINTERRUPTIBLE_PROBE_FAILED', 'no answer', {
        cause,
        details: { pid: 5 },
      }),
    });
    await log.flush();
    expect(lines()[0]?.['err']).toMatchObject({
      code: 'UNINTERRUPTIBLE_PROBE_FAILED',
      message: 'no answer',
      details: { pid: 5 },
      cause: { message: 'the cause' },
    });
  });
});

test.each<[LogOptions['logLevel'], string[]]>([
  ['trace', ['debug', 'info', 'warn', 'error']],
  ['debug', ['debug', 'info', 'warn', 'error']],
  ['info', ['info', 'warn', 'error']],
  ['warn', ['warn', 'error']],
  ['error', ['error']],
  ['fatal', []],
  ['silent', []],
])('at level %s the log lets through %j', async (logLevel, through) => {
  const log = await open({ logLevel });
  for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level](level);
  await log.flush();
  expect(lines().map(({ msg }) => msg)).toEqual(through);
  expect(log.debugging).toBe(through.includes('debug'));
});

describe('logPath', () => {
  test('is appended to', async () => {
    const first = await open();
    first.info('first');
    await first.flush();
    const second = await open();
    second.info('second');
    await second.flush();
    expect(lines().map(({ msg }) => msg)).toEqual(['first', 'second']);
  });

  test('is opened anew after the file was moved away', async () => {
    const log = await open();
    log.info('before');
    await log.flush();
    renameSync(logPath, `${logPath}.1`);
    log.info('between');
    await log.flush();
    log.reopen();
    await log.flush();
    log.info('after');
    await log.flush();
    expect(lines().map(({ msg }) => msg)).toEqual(['after']);
    expect(lines(`${logPath}.1`).map(({ msg }) => msg)).toEqual(['before', 'between']);
  });

  test('moved away again and again, also while it is being opened, has each line once', async () => {
    const log = await open();
    const rotations = 50;
    for (let at = 0; at < rotations; at++) {
      log.info('line', { at });
      if (existsSync(logPath)) renameSync(logPath, `${logPath}.${at}`);
      log.reopen();
      log.reopen();
      if (at % 3 === 0) await log.flush();
    }
    await log.flush();
    const found = readdirSync(directory).flatMap((name) => lines(join(directory, name)));
    expect(found.map(({ at }) => at as number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: rotations }, (_, at) => at),
    );
    expect(existsSync(logPath)).toBe(true);
  });

  test('that cannot be opened anew goes on where it was, says why, and can be later', async () => {
    const log = await open();
    renameSync(logPath, `${logPath}.1`);
    mkdirSync(logPath);
    log.reopen();
    await log.flush();
    log.info('after');
    await log.flush();
    expect(lines(`${logPath}.1`)).toMatchObject([
      {
        msg: 'the log file could not be opened anew, lines go on into the one before',
        err: { code: 'EISDIR' },
      },
      { msg: 'after' },
    ]);
    renameSync(logPath, `${logPath}.2`);
    log.reopen();
    await log.flush();
    log.info('later');
    await log.flush();
    expect(lines().map(({ msg }) => msg)).toEqual(['later']);
    expect(lines(`${logPath}.1`)).toHaveLength(2);
  });

  test('that nobody would read is not waited for', async () => {
    const log = await open();
    renameSync(logPath, `${logPath}.1`);
    execFileSync('mkfifo', [logPath]);
    try {
      log.reopen();
      await log.flush();
      expect(lines(`${logPath}.1`)).toMatchObject([{ err: { code: 'ENXIO' } }]);
    } finally {
      // Whoever waits for a reader has one.
      closeSync(openSync(logPath, constants.O_RDONLY | constants.O_NONBLOCK));
    }
  });

  test('on a disk that is full tells of the lines it has lost, once it is opened anew', async () => {
    symlinkSync('/dev/full', logPath);
    const log = await open();
    log.info('lost');
    await log.flush();
    renameSync(logPath, `${logPath}.1`);
    log.reopen();
    await log.flush();
    log.info('after');
    await log.flush();
    expect(lines()).toMatchObject([
      { msg: 'lines for the log file before are lost, it could not be written', err: { code: 'ENOSPC' } },
      { msg: 'after' },
    ]);
  });

  test('looks by itself whether it was moved away', async () => {
    const log = await open();
    log.keepUp();
    await log.flush();
    log.info('before');
    await log.flush();
    renameSync(logPath, `${logPath}.1`);
    log.keepUp();
    await log.flush();
    log.info('after');
    await log.flush();
    expect([lines(`${logPath}.1`), lines()]).toMatchObject([[{ msg: 'before' }], [{ msg: 'after' }]]);
  });

  test.each<[string, () => string]>([
    [
      'is a directory',
      () => {
        mkdirSync(logPath);
        return `EISDIR: illegal operation on a directory, open '${logPath}'`;
      },
    ],
    [
      'is a pipe that nobody reads',
      () => {
        execFileSync('mkfifo', [logPath]);
        return `ENXIO: no such device or address, open '${logPath}'`;
      },
    ],
    [
      'is below a file',
      () => {
        writeFileSync(logPath, '');
        logPath = join(logPath, 'log');
        return `${dirname(logPath)} is not a directory`;
      },
    ],
    [
      'is in a directory that does not exist',
      () => {
        logPath = join(directory, 'mistyped', 'log');
        return `directory ${dirname(logPath)} does not exist`;
      },
    ],
  ])('that %s fails the start, and nothing is made', async (_, make) => {
    const why = make();
    const before = readdirSync(directory);
    const server = new TestServer(undefined, { logger: null, logPath });
    expect(await rejection(server.start())).toMatchObject({
      code: 'UNINTERRUPTIBLE_CONFIGURATION_INVALID',
      message: `Invalid configuration: logPath ${logPath} cannot be written: ${why}.`,
    });
    expect(readdirSync(directory)).toEqual(before);
    expect(server.state).toBe('stopped');
  });
});

describe("the user's logger", () => {
  test('gets every line, as pino would', async () => {
    const logger = new KeptLog();
    const log = await open({ logger });
    log.warn('careful', { connection: 1 });
    log.debug('little');
    await log.flush();
    log.reopen();
    expect(logger.entries).toEqual([
      { level: 'warn', message: 'careful', facts: { pid: process.pid, generation: 7, connection: 1 } },
      { level: 'debug', message: 'little', facts: { pid: process.pid, generation: 7 } },
    ]);
    expect(existsSync(logPath)).toBe(false);
  });

  test('is not bothered with debug lines it says it does not want', async () => {
    const logger = Object.assign(new KeptLog(), { isLevelEnabled: (level: string) => level !== 'debug' });
    const log = await open({ logger });
    log.debug('little');
    expect(log.debugging).toBe(false);
    expect(logger.entries).toEqual([]);
  });

  test('that throws ends nothing', async () => {
    const angry = (): never => {
      throw new Error('no logging today');
    };
    const logger = { trace: angry, debug: angry, info: angry, warn: angry, error: angry };
    const server = new TestServer(undefined, { logger });
    await server.start();
    await server.stop();
    expect(server.state).toBe('stopped');
  });
});

describe("a logger of the user's is flushed before the process ends", () => {
  test('as pino is, with a callback', async () => {
    const destination = pino.destination({ dest: logPath, sync: false, minLength: 4096 });
    await once(destination, 'ready');
    const log = await open({ logger: pino(destination) });
    log.info('the last line');
    expect(lines()).toEqual([]);
    await log.flush();
    expect(lines()).toMatchObject([{ msg: 'the last line' }]);
  });

  test('as one that returns a promise', async () => {
    let flushed = false;
    const flush = async (): Promise<void> => {
      await setImmediate();
      flushed = true;
    };
    const log = await open({ logger: Object.assign(new KeptLog(), { flush }) });
    await log.flush();
    expect(flushed).toBe(true);
  });

  test.each([
    ['has none', {}],
    ['does it at once', { flush: () => undefined }],
    ['has something else of that name', { flush: true as never }],
  ])('unless it %s', async (_, more) => {
    const log = await open({ logger: Object.assign(new KeptLog(), more) });
    await expect(log.flush()).resolves.toBeUndefined();
  });

  test('and its failure is not hidden from whoever waits', async () => {
    const failing = { flush: (done: (error: Error) => void) => done(new Error('full')) };
    const log = await open({ logger: Object.assign(new KeptLog(), failing) });
    expect(await rejection(log.flush())).toMatchObject({ message: 'full' });
  });
});
