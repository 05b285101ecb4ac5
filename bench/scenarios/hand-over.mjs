// The hand-over itself: from `take-over` to `owner` with few and many listeners, and what a restart takes beyond what starting
// the same program on Node alone does.

import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { monotonic } from '../clock.mjs';
import { Launched, told } from '../launched.mjs';
import { onStage } from '../stage.mjs';
import { spread } from '../statistics.mjs';

const PROGRAM = fileURLToPath(new URL('../programs/hand-over.mjs', import.meta.url));
const BARE = fileURLToPath(new URL('../programs/bare.mjs', import.meta.url));
const DEADLINE = 20_000;
/** Milliseconds between two restarts: what a process does just after its start (it collects garbage) is not the next one. */
const REST = 300;

export const handOver = {
  name: 'hand-over',
  sizes: {
    full: {
      listeners: { 1: 20, 10: 5, 253: 5, 1000: 5 },
      starts: 20,
      large: { megabytes: 1_000, restarts: 5 },
    },
    tiny: { listeners: { 1: 2, 253: 1 }, starts: 1, large: { megabytes: 50, restarts: 1 } },
  },
  async run({ size, log }) {
    const exchanges = [];
    let phases;
    for (const [listeners, restarts] of Object.entries(size.listeners)) {
      log(`${listeners} listeners`);
      const stamps = await restartAgainAndAgain(Number(listeners), restarts);
      exchanges.push({ listeners: Number(listeners), exchange: spread(stamps.map(exchangeOf)) });
      // Beside a single listener everything else is what it is without it.
      phases ??= stamps.map(phasesOf);
    }
    log('with a logger of its own');
    const ownLogger = await restartAgainAndAgain(1, size.starts, ['own-logger']);
    const { megabytes, restarts } = size.large;
    log(`${megabytes} MB`);
    const large = await restartAgainAndAgain(1, restarts, [`megabytes=${megabytes}`]);
    log('starts without the library');
    const { empty, bare } = await starts(size.starts);
    return {
      exchanges,
      phases: spreads(phases),
      ownLogger: spreads(ownLogger.map(phasesOf)),
      large: {
        megabytes,
        spawn: spread(large.map((stamps) => phasesOf(stamps).spawn)),
        nodeSpawn: spread(large.map(({ nodeSpawn }) => nodeSpawn)),
      },
      empty: spread(empty),
      bare: spreads(bare),
    };
  },
};

/** The stamps of each restart, `orderedAt` included. */
async function restartAgainAndAgain(listeners, restarts, words = []) {
  return onStage(async (stage) => {
    const launched = new Launched(stage, [process.execPath, PROGRAM, String(listeners), ...words]);
    let { pid } = await launched.next(told('serving'), DEADLINE, 'the server to serve');
    const all = [];
    for (let number = 0; number < restarts; number += 1) {
      const spawned = launched.next(told('spawned'), DEADLINE, 'the new process to be started');
      const serving = launched.next(told('serving'), DEADLINE, 'the new process to serve');
      const orderedAt = monotonic();
      process.kill(pid, 'SIGUSR1');
      const [{ spawnedAt }, stamps] = await Promise.all([spawned, serving]);
      all.push({ orderedAt, spawnedAt, ...stamps });
      ({ pid } = stamps);
      await alone(stage, pid);
      await delay(REST);
    }
    return all;
  });
}

/** The old process has left: it must not be measured beside the next one. */
async function alone(stage, pid) {
  const deadline = performance.now() + DEADLINE;
  while (stage.processes().some((other) => other !== pid)) {
    if (performance.now() > deadline) throw new Error('an old process does not leave');
    await delay(20);
  }
}

/** `node -e 0`, until it has ended, and the program without the library, until it serves; in turn. */
async function starts(count) {
  return onStage(async (stage) => {
    const empty = [];
    const bare = [];
    for (let number = 0; number < count; number += 1) {
      const beganAt = monotonic();
      await new Launched(stage, [process.execPath, '-e', '0']).exit;
      empty.push(monotonic() - beganAt);
      const spawnedAt = monotonic();
      const launched = new Launched(stage, [process.execPath, BARE]);
      const { firstLineAt, programAt, servingAt } = await launched.next(
        told('bare'),
        DEADLINE,
        'the program to serve',
      );
      bare.push({
        node: firstLineAt - spawnedAt,
        program: programAt - firstLineAt,
        listen: servingAt - programAt,
        total: servingAt - spawnedAt,
      });
      launched.kill('SIGKILL');
      await launched.exit;
    }
    return { empty, bare };
  });
}

function exchangeOf({ takeOverAt, ownerAt }) {
  return ownerAt - takeOverAt;
}

/** From the signal to serving, in the order it happens: until which stamp each phase lasts. */
const PHASES = {
  spawn: 'spawnedAt',
  node: 'firstLineAt',
  program: 'programAt',
  import: 'importedAt',
  configure: 'startingAt',
  ask: 'takeOverAt',
  offer: 'offeredAt',
  prepare: 'readyAt',
  give: 'yoursAt',
  own: 'ownerAt',
  after: 'servingAt',
};
/** What is neither Node's start nor loading code. */
const OWN = ['spawn', 'configure', 'ask', 'offer', 'prepare', 'give', 'own', 'after'];

function phasesOf(stamps) {
  let before = stamps.orderedAt;
  const phases = {};
  for (const [name, until] of Object.entries(PHASES)) {
    phases[name] = stamps[until] - before;
    before = stamps[until];
  }
  const ownShare = OWN.reduce((sum, name) => sum + phases[name], 0);
  return { ...phases, total: stamps.servingAt - stamps.orderedAt, ownShare };
}

function spreads(rows) {
  return Object.fromEntries(Object.keys(rows[0]).map((name) => [name, spread(rows.map((row) => row[name]))]));
}
