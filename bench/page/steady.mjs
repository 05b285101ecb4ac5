// The section on the steady state.
import { goal, number, ranged, table } from './markdown.mjs';

const GOAL = 0.98;

/** What is known of goals that were missed. */
const WHERE_IT_GOES = `What an HTTP request costs beyond Node's is the listener for the end of its answer, as leaving it out has shown: by it the server knows that
a connection is idle, and a drain when to close it. What a connection costs beyond Node's is what is kept of it so that a drain finds it: a few microseconds, whose share
differs from run to run (that of \`net\` was between 0.92 and 0.98 in four runs on one machine).`;

const NAMES = {
  net: '`Server` / `net`',
  tls: '`Server` with TLS / `tls`',
  http: '`HttpServer` / `http`',
  https: '`HttpServer` with TLS / `https`',
};

export const steadySection = {
  name: 'steady',
  title: 'When nothing restarts',
  text: `The same handler on the library and on Node alone, as fast as one client process can ask. Both servers run all the time and are loaded in turn (A B B A), so what
the machine does to one it does to the other; the range is that of the rounds. *Requests* come over connections that stay, *connections* ask once each. The share is that of
Node alone: above 1 the library was faster. Processor time is what a machine that is full would feel; the rate is limited by the client as well.`,
  body({ loads, idle, rounds, clients }) {
    return [
      `${rounds} rounds each, ${clients} clients.`,
      table(
        [
          '',
          'load',
          'a second, Node alone',
          'library',
          'share',
          'µs of processor each, Node alone',
          'library',
          'share',
        ],
        loads.map(({ kind, mode, raw, library, ratio }) => [
          NAMES[kind],
          mode,
          number(raw.rate.median),
          number(library.rate.median),
          ranged(ratio.rate),
          number(raw.cpu.median),
          number(library.cpu.median),
          ranged(ratio.cpu),
        ]),
      ),
      loads
        .map(({ kind, mode, ratio }) =>
          goal(
            `${NAMES[kind]}, ${mode}: at least ${GOAL} of Node alone, by processor time (${number(ratio.cpu.median)})`,
            ratio.cpu.median >= GOAL,
          ),
        )
        .join('\n'),
      ...(loads.some(isMissedByRequests) ? [WHERE_IT_GOES] : []),
      '### Memory of an idle connection',
      table(
        [
          '',
          'connections',
          'bytes resident each, Node alone',
          'library',
          'bytes of heap each, Node alone',
          'library',
        ],
        idle.map(({ kind, count, raw, library }) => [
          NAMES[kind],
          number(count),
          ranged(raw.resident),
          ranged(library.resident),
          ranged(raw.heap),
          ranged(library.heap),
        ]),
      ),
    ];
  },
};

function isMissedByRequests({ kind, mode, ratio }) {
  return kind.startsWith('http') && mode === 'requests' && ratio.cpu.median < GOAL;
}
