// The section on the hand-over itself.
import { goal, number, ranged, table } from './markdown.mjs';

const OWN_SHARE = 15;
const IMPORT = 20;

const PHASES = {
  spawn: 'the old process has heard the signal, and started the new one',
  node: 'Node has started',
  program: "the program's own modules are loaded",
  import: 'the library is imported',
  before: 'the new process asks for the sockets (`take-over`)',
  exchange: 'it is the owner (`owner`)',
  after: '`run()` has resolved',
  total: 'from the signal to serving',
};

export const handOverSection = {
  name: 'hand-over',
  title: 'The hand-over itself',
  text: 'Without load. The new process asks its predecessor for the sockets, claims them, and says that it is the owner.',
  body({ exchanges, phases, ownLogger, empty, bare }) {
    const own = ownShare(phases);
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
          ['`node -e 0`, until it has ended', ranged(empty)],
          ['the same program on Node alone, until it listens', ranged(bare.total)],
          ['of that, until its first line runs', ranged(bare.node)],
        ],
      ),
      `From signal to serving takes ${number(phases.total.median / empty.median)} times as long as \`node -e 0\`, and ${number(phases.total.median / bare.total.median)} times as long as starting the same program on Node alone.`,
      [
        goal(
          `the library's own share of a restart (all but Node's start, the program and the import) is under ${OWN_SHARE} ms (${number(own)} ms; ${number(ownShare(ownLogger))} ms with a logger of its own)`,
          own < OWN_SHARE,
        ),
        goal(
          `the import takes under ${IMPORT} ms (${number(phases.import.median)} ms)`,
          phases.import.median < IMPORT,
        ),
      ].join('\n'),
    ];
  },
};

function ownShare(phases) {
  return ['spawn', 'before', 'exchange', 'after'].reduce((sum, name) => sum + phases[name].median, 0);
}
