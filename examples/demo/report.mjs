// What the demo ends with: a table of the generations, what else was measured, and the verdict, as lines.
import { count, milliseconds, perSecond, seconds } from './format.mjs';
import { table } from './table.mjs';

export function report({ result, generations, log, complaints }, colours) {
  const lines = [
    '',
    ...table(
      ['generation', 'pid', 'connections', 'signal to first answer', 'lost'],
      [
        ...generations.map((generation, index) => row(generation, generations[index + 1], result)),
        ['all', '', count(result.answered), '', count(result.lost)],
      ],
    ),
    '',
    rateLine(result),
    longLivedLine(result.longLived),
    '',
  ];
  if (complaints.length === 0) return [...lines, colours.green('Nothing was lost.')];
  return [...lines, ...log, ...complaints.map((complaint) => colours.red(`FAILED: ${complaint}`))];
}

/** Losses belong to the generation that was the newest, or was being started, when the connection was due. */
function row({ generation, pid, orderedAt }, next, { pids, losses }) {
  const from = orderedAt ?? -Infinity;
  const until = next?.orderedAt ?? Infinity;
  const lost = losses.filter(({ startedAt }) => startedAt >= from && startedAt < until).length;
  const { count: served = 0, first } = pids[pid] ?? {};
  const wait = orderedAt === undefined || first === undefined ? '' : milliseconds(first - orderedAt);
  return [generation, pid, count(served), wait, count(lost)];
}

function rateLine({ attempted, elapsed, rate, latency }) {
  return (
    `${count(attempted)} connections in ${seconds(elapsed)}: ${perSecond(rate.achieved)}; answered after ` +
    `${milliseconds(latency.p50)} (median), ${milliseconds(latency.p99)} (99 %), ${milliseconds(latency.max)} (slowest)`
  );
}

function longLivedLine({ opened, answered, longestGap }) {
  return `${opened} more were held open throughout: ${count(answered)} lines answered, at most ${milliseconds(longestGap)} apart`;
}
