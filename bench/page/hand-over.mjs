// The section on the hand-over itself.
import { goal, number, ranged, table } from './markdown.mjs';

const OWN_SHARE = 15;
const IMPORT = 20;

const PHASES = {
  spawn: 'the old process has heard the signal, and started the new one',
  node: 'Node has started',
  program: "the program's own modules are loaded",
  import: 'the library is imported',
  configure: 'the options are checked, the addon is loaded',
  ask: 'the log is open, and the old process asked for the sockets (`take-over`)',
  offer: 'it has offered them (`offer`)',
  prepare: 'they are here, and everything is ready to accept (`ready`)',
  give: 'the old process has let go (`yours`)',
  own: 'the new one is the owner, and accepts (`owner`)',
  after: '`run()` has resolved',
  total: 'from the signal to serving',
  ownShare: "of that the library's own share: all but Node's start, the program and the import",
};
/** Those in which two processes speak. */
const EXCHANGE = ['offer', 'prepare', 'give', 'own'];

export const handOverSection = {
  name: 'hand-over',
  title: 'The hand-over itself',
  text: 'Without load. The new process asks its predecessor for the sockets, claims them, and says that it is the owner.',
  body({ exchanges, phases, ownLogger, large, empty, bare }) {
    return [
      table(
        ['listeners', 'ms from `take-over` to `owner`'],
        exchanges.map(({ listeners, exchange }) => [number(listeners), ranged(exchange)]),
      ),
      '### Where a restart spends its time',
      table(
        ['with one listener, until', 'ms', 'with a logger of its own (pino is not loaded), ms'],
        Object.entries(PHASES).map(([name, until]) => [until, ranged(phases[name]), ranged(ownLogger[name])]),
      ),
      table(
        ['beside it', 'ms'],
        [
          [`the first phase, where the old process holds ${number(large.megabytes)} MB`, ranged(large.spawn)],
          ["for how long Node's own `spawn` stops such a process", ranged(large.nodeSpawn)],
          ['`node -e 0`, until it has ended', ranged(empty)],
          ['the same program on Node alone, until it listens', ranged(bare.total)],
          ['of that, until its first line runs', ranged(bare.node)],
          ["of that, Node's own `listen`", ranged(bare.listen)],
        ],
      ),
      `From signal to serving takes ${number(phases.total.median / empty.median)} times as long as \`node -e 0\`, and ${number(phases.total.median / bare.total.median)} times as long as starting the same program on Node alone.`,
      [
        goal(
          `the library's own share of a restart is under ${OWN_SHARE} ms (${number(phases.ownShare.median)} ms; ${number(ownLogger.ownShare.median)} ms with a logger of its own)`,
          phases.ownShare.median < OWN_SHARE,
        ),
        goal(
          `the import takes under ${IMPORT} ms (${number(phases.import.median)} ms)`,
          phases.import.median < IMPORT,
        ),
      ].join('\n'),
      whatItIs(phases, ownLogger, bare),
    ];
  },
};

/** The own share by what it is spent on, from what was measured apart. */
function whatItIs(phases, ownLogger, bare) {
  const pino = phases.ownShare.median - ownLogger.ownShare.median;
  const exchange = EXCHANGE.reduce((sum, name) => sum + ownLogger[name].median, 0);
  return (
    `Of the own share, ${number(pino)} ms are pino (the difference between the columns), ` +
    `${number(bare.listen.median)} ms what Node's own \`listen\` loads in any program, ` +
    `${number(ownLogger.spawn.median)} ms the spawn in the old process, and ${number(exchange)} ms the messages between the two processes; ` +
    'the rest are options, addon, locks and paths. Nearly all of it is code that runs for the first time in its process: V8 compiles it just then. ' +
    'All of it is spent while the old process serves: put off until the new one does, as opening the log could be, it would only delay the first requests.'
  );
}
