/** G2: a bad new version is a non-event. The old one serves on, or again, and whoever asked is told what went wrong. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Failed } from '../../src/handover/protocol.js';
import { objectOf, uninterruptible } from '../support/command.js';
import type { Version } from '../support/generations.js';
import { requirement } from '../support/requirements.js';
import { Trial, trial } from '../support/trial.js';

/** What a failed restart says, to whomever. */
interface Report {
  code: string;
  message: string;
  lastWords: string;
}

/** Whoever may ask for a restart, and how each of them hears what came of it. */
const ASKERS: Record<string, (trial: Trial) => Promise<Report>> = {
  'the operator': async ({ generations }) => {
    const answer = await generations.order({ type: 'restart' });
    expect(answer.type).toBe('failed');
    const { code, message, lastWords = '' } = answer as Failed;
    return { code, message, lastWords };
  },
  'the command': async ({ generations }) => {
    const ran = await uninterruptible(['restart', '--json', '--control', generations.controlPath]);
    expect(ran.code).toBe(6);
    const {
      code,
      message,
      lastWords = '',
    } = objectOf(ran)['error'] as Omit<Report, 'lastWords'> & Partial<Report>;
    return { code, message, lastWords };
  },
  'the program': async ({ generations }) => {
    const { code, message, details } = JSON.parse(await generations.request('restart')) as Report & {
      details?: { lastWords?: string };
    };
    return { code, message, lastWords: details?.lastWords ?? '' };
  },
  'the log, after a signal': async ({ generations, first }) => {
    const since = generations.lines.length;
    process.kill(first, 'SIGUSR1');
    // The line of the restart before may come after its answer.
    const begun = generations.lines.indexOf(await generations.line('restarting', undefined, since));
    const { err } = await generations.line('hand-over failed, serving on', undefined, begun);
    const { lastWords = '' } = (err?.details ?? {}) as Partial<Report>;
    return { code: err?.code ?? '', message: err?.message ?? '', lastWords };
  },
};

interface BadVersion {
  /** What the old version runs as its successor, in this directory; the fixture unless given. */
  startCommand?: (directory: string) => string | string[];
  version?: Version;
  /** The message, or a part of it. */
  says: string | RegExp;
  code: string;
  lastWords?: string | RegExp;
}

const READY_TIMEOUT = 1_500;
const dying = (at: string): BadVersion => ({
  version: { fault: { at, action: 'kill' } },
  code: 'RESTART_EXITED',
  says: 'was ended by SIGKILL',
  lastWords: `fault: kill at ${at}`,
});

const BAD_VERSIONS: Record<string, BadVersion> = {
  'is a command that is not found': {
    startCommand: () => 'no-such-command --at all',
    code: 'RESTART_COMMAND_NOT_FOUND',
    says: /no-such-command.* could not be started in \/.*: the shell says not found; .*PATH/,
    lastWords: 'no-such-command',
  },
  'is a program that is not found': {
    startCommand: () => ['no-such-command', '--at', 'all'],
    code: 'RESTART_COMMAND_NOT_FOUND',
    says: /no-such-command --at all.* in \/.*: no-such-command is not in node_modules\/\.bin there, nor in PATH/,
  },
  'has a syntax error': {
    startCommand: (directory) => [process.execPath, join(directory, 'broken.mjs')],
    code: 'RESTART_EXITED',
    says: 'exited with code 1 before',
    lastWords: 'SyntaxError',
  },
  throws: {
    version: { startup: 'throw' },
    code: 'RESTART_EXITED',
    says: 'exited with code 1 before',
    lastWords: 'the new version throws',
  },
  'exits 0': {
    version: { startup: 'exit-0' },
    code: 'RESTART_EXITED',
    says: 'exited with code 0 before it was ready: it never called run(), or went into the background.',
  },
  'exits 3': { version: { startup: 'exit-3' }, code: 'RESTART_EXITED', says: 'exited with code 3 before' },
  'hangs before it runs': {
    version: { startup: 'hang' },
    code: 'RESTART_TIMEOUT',
    says: `within ${READY_TIMEOUT} ms (readyTimeout): it has not come to ask for the listeners, which run() does.`,
  },
  'rejects in warmUp': {
    version: { warmUp: 'reject' },
    code: 'RESTART_FAILED',
    says: 'the cache is cold',
    lastWords: 'the cache is cold',
  },
  'hangs in warmUp': {
    version: { warmUp: 'hang' },
    code: 'RESTART_TIMEOUT',
    says: `within ${READY_TIMEOUT} ms (readyTimeout): it has the listeners, and is still in warmUp() or probe().`,
  },
  'fails its probe': {
    version: { probe: 'fail' },
    code: 'RESTART_FAILED',
    says: 'wrong answer: probe 1',
    lastWords: 'wrong answer: probe 1',
  },
  'speaks another protocol only': {
    version: { startup: 'other-version' },
    code: 'HANDOVER_NO_COMMON_VERSION',
    says: /speaks 1; you speak 0/,
    lastWords: 'NO_COMMON_VERSION',
  },
  'dies when it has asked to take over': dying('sent:take-over'),
  'dies when it has the offer': dying('received:offer'),
  'dies when it has the listeners': dying('received:listeners'),
  'dies when it is ready': dying('sent:ready'),
  'dies when it hears that it is the owner': dying('received:yours'),
  'dies when it has byte 0': dying('lock:owner:true'),
  'dies when it has renamed the paths': dying('lock:next:false'),
};

describe('G2: the old version serves on, and whoever asked is told why, when the new one', () => {
  test.concurrent.for(Object.entries(BAD_VERSIONS))('%s', requirement('addon', 'proc'), async ([, bad]) => {
    const { startCommand, version, code, says, lastWords = '' } = bad;
    const attempt = new Trial();
    const { generations } = attempt;
    try {
      const command = startCommand?.(generations.directory);
      await attempt.begin({
        servers: [
          { readyTimeout: READY_TIMEOUT, ...(command === undefined ? {} : { startCommand: command }) },
        ],
      });
      writeFileSync(join(generations.directory, 'broken.mjs'), 'const = 1;');
      if (version !== undefined) attempt.deploy(version);
      for (const [asker, ask] of Object.entries(ASKERS)) {
        const report = await ask(attempt);
        expect(report.code, asker).toBe(`UNINTERRUPTIBLE_${code}`);
        expect(report.message, asker).toMatch(says);
        expect(report.lastWords, asker).toMatch(lastWords);
      }
      await attempt.expectOwner(attempt.first, 1);
      await attempt.expectNothingLost(
        generations.lines.map(({ pid }) => pid).filter((pid) => pid !== attempt.first),
      );
    } finally {
      await attempt.end();
    }
  });
});

/** What is lost then is what the new version had accepted; it was the owner. */
describe('G2: the old version serves again', () => {
  test('when the new one dies as the owner while the old one drains', requirement('addon', 'proc'), () =>
    trial({}, async (trial) => {
      const { generations, first } = trial;
      const held = await trial.hold();
      trial.deploy({ fault: { at: 'sent:owner', action: 'kill' } });
      expect(await generations.order({ type: 'restart' })).toMatchObject({
        type: 'restarted',
        generation: 2,
      });
      await generations.line('rolled back');
      expect(await held.ask('still there')).toBe(`still there ${first}`);
      await trial.expectOwner(first, 3);
      held.end();
      await trial.expectNothingLost([(await generations.line('started'))['child'] as number]);
    }),
  );

  test('when the new one dies as the owner while the old one stands by', requirement('addon', 'proc'), () =>
    trial({ servers: [{ rollbackWindow: 60_000 }] }, async (trial) => {
      const { generations, first } = trial;
      trial.deploy({});
      const second = await generations.restart();
      await generations.until(
        () => generations.lines.some(({ msg }) => msg === 'drained'),
        'the old one to have drained',
      );
      await trial.die();
      await generations.line('rolled back');
      await trial.expectOwner(first, 3);
      await trial.expectNothingLost([second]);
    }),
  );
});
