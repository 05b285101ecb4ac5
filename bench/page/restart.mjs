// The section on restarts under load.
import { counts, megabytes, number, table, withWorst } from './markdown.mjs';
import { plotRestarts } from './plot-restarts.mjs';

const PROTOCOLS = { echo: 'a line and its echo', http: 'HTTP' };

export const restartSection = {
  name: 'restart',
  title: 'Restart under load',
  text: `New connections at a fixed rate, whatever becomes of those before them; each asks one thing and closes. Latency counts from the
moment a connection was due. Beside them 20 clients that stay and ask every 100 ms: over HTTP on kept-alive connections, else on raw ones that a server has
no right to close. *Around* is from the order to a quarter of a second after the last answer of the old process, *apart* is the rest. nginx and HAProxy start no
program and are what a restart costs in C. The time of \`pm2 reload\` includes its command's own start. In the plots blue is the median and orange the slowest of each 50 ms, a dashed
line an order to restart, a red dot a slice in which connections failed.`,
  body({ runs }, plots) {
    const groups = groupBy(runs);
    return [...groups].flatMap(([key, group]) => {
      const { protocol, rate } = group[0];
      const plot = plots.write(`restart-${key}.svg`, plotRestarts(group));
      return [
        `### ${number(rate)} connections a second, ${PROTOCOLS[protocol]}`,
        lossTable(group),
        latencyTable(group),
        timeTable(group),
        stayingTable(group, protocol),
        ...caveats(group),
        `![Latency over time, with every restart marked](${plot})`,
      ];
    });
  },
};

function keyOf({ protocol, rate }) {
  return `${protocol}-${rate}`;
}

/** What Map.groupBy does in newer Nodes. */
function groupBy(runs) {
  const groups = new Map();
  for (const run of runs) groups.set(keyOf(run), [...(groups.get(keyOf(run)) ?? []), run]);
  return groups;
}

function lossTable(runs) {
  return table(
    ['', 'how', 'restarts', 'connections', 'failed', 'failed a restart', 'of which'],
    runs.map(({ contender, how, restarts, failed }) => [
      contender,
      how,
      restarts,
      number(failed.attempted),
      number(failed.failed),
      number(failed.failed / restarts),
      counts(failed.byCause),
    ]),
  );
}

function latencyTable(runs) {
  const cells = (latency) => ['p50', 'p99', 'p999', 'max'].map((name) => number(latency?.[name]));
  return table(
    [
      'ms',
      ...['around', 'apart'].flatMap((when) =>
        ['p50', 'p99', 'p99.9', 'max'].map((name) => `${when}: ${name}`),
      ),
    ],
    runs.map(({ contender, latency }) => [contender, ...cells(latency.around), ...cells(latency.apart)]),
  );
}

function timeTable(runs) {
  return table(
    [
      'ms after the order, median / worst',
      'first answer of the new',
      'last answer of the old',
      'the old has left',
      'stayed for a connection',
      'MB steady → peak',
    ],
    runs.map(({ contender, firstAnswer, lastAnswer, exit, stayed, restarts, memory }) => [
      contender,
      withWorst(firstAnswer),
      withWorst(lastAnswer),
      withWorst(exit),
      stayed === 0 ? '–' : `${stayed} of ${restarts}`,
      `${megabytes(memory.steady)} → ${megabytes(memory.peak)}`,
    ]),
  );
}

function stayingTable(runs, protocol) {
  const what = protocol === 'http' ? 'requests' : 'lines';
  return table(
    [
      '20 that stay',
      `${what} answered`,
      `${what} lost`,
      'closed with notice',
      'closed without',
      'could not reconnect',
      'longest wait between two answers, ms',
    ],
    runs.map(({ contender, longLived }) => [
      contender,
      number(longLived.answered),
      number(longLived.cutInRequest + longLived.unanswered + longLived.wrongAnswers),
      number(longLived.announced),
      number(longLived.cutIdle + longLived.notClosed),
      number(longLived.failedToOpen),
      number(longLived.longestGap),
    ]),
  );
}

/** What the load generator or the machine could not do stands beside what was measured nevertheless. */
function caveats(runs) {
  const short = runs.filter(({ reached }) => !reached);
  return short.map(
    ({ contender, achieved }) =>
      `The rate was not reached for ${contender}: ${number(achieved)} a second. Generator and server share the processors here.`,
  );
}
