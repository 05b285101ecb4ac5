// The section on bad new versions.
import { counts, number, table } from './markdown.mjs';

const FAULTS = {
  throw: 'it throws when it starts',
  hang: 'it hangs when it starts',
  'answer-wrong': 'it starts, and answers nonsense (where there is a probe: fails it)',
};

export const badDeploySection = {
  name: 'bad-deploy',
  title: 'A bad new version, under load',
  text: `The same load without those who stay. All wait 3 s for a new version to be ready. *Down* is the time in which nobody got a right answer. The rolling restart
of node:cluster is the benchmark's own: it gives a worker up that does not listen in time, and tells nobody. Only what the tool itself says counts as its exit code.`,
  body({ runs, rate, watch }) {
    const faults = [...new Set(runs.map(({ fault }) => fault))];
    return [
      `${number(rate)} connections a second, watched until ${number(watch / 1000)} s after the tool was done.`,
      ...faults.flatMap((fault) => [
        `### The new version is bad: ${FAULTS[fault]}`,
        faultTable(runs.filter((run) => run.fault === fault)),
      ]),
    ];
  },
};

function faultTable(runs) {
  return table(
    ['', 'how', 'down', 'failed', 'of which', 'exit code', 'done after, ms'],
    runs.map(({ contender, how, outage, failed, exitCode, took }) => [
      contender,
      how,
      down(outage),
      `${number(failed.failed)} of ${number(failed.attempted)}`,
      counts(failed.byCause),
      exitCode ?? 'none',
      number(took),
    ]),
  );
}

function down({ longest, total, toTheEnd }) {
  if (total === 0) return 'never';
  if (toTheEnd) return `**still down** (${number(longest / 1000)} s and on)`;
  return `${number(total / 1000)} s`;
}
