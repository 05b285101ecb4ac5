// What the README shows of the results: the restart under load over HTTP, which is what most people do.
import { readFileSync, writeFileSync } from 'node:fs';
import { number, table, withWorst } from './markdown.mjs';

const BEGIN = '<!-- From bench/results, by `npm run bench`. -->';
const END = '<!-- End of what npm run bench writes. -->';
const SHOWN = { protocol: 'http', rate: 1000 };

/** The lines between the marks. `plot` is where the README finds it. */
export function readmeSection({ machine, runs }, plot) {
  const shown = runs.filter(({ protocol, rate }) => protocol === SHOWN.protocol && rate === SHOWN.rate);
  const rows = shown.map(({ contender, how, failed, longLived, firstAnswer }) => [
    contender,
    how,
    `${number(failed.failed)} of ${number(failed.attempted)}`,
    number(longLived.cutInRequest + longLived.unanswered + longLived.wrongAnswers),
    number(longLived.cutIdle + longLived.notClosed),
    withWorst(firstAnswer),
  ]);
  return [
    BEGIN,
    '',
    `${shown[0]?.restarts} restarts under ${number(SHOWN.rate)} new connections a second over HTTP, and 20 clients with keep-alive (Node ${machine.node}, ${machine.cores} cores):`,
    '',
    table(
      [
        '',
        'how',
        'connections failed',
        'requests with keep-alive lost',
        'connections closed without notice',
        'ms to the first answer of the new version, median / worst',
      ],
      rows,
    ),
    '',
    `![Latency over time, with every restart marked](${plot})`,
    '',
    END,
  ].join('\n');
}

/** Puts it between the marks of the README. */
export function writeReadme(path, result, plot) {
  const text = readFileSync(path, 'utf8');
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END) + END.length;
  if (from === -1 || to < from) throw new Error(`${path} has no place for what was measured`);
  writeFileSync(path, text.slice(0, from) + readmeSection(result, plot) + text.slice(to));
}
