/** What a soak came to, in words and as an object. */
import { median } from './fit.js';
import { MEASURES } from './measures.js';
import type { Outcome, Progress } from './soak.js';
import { afterWarmUp, type Trend } from './trends.js';

const COLUMNS = [38, 10, 10, 22, 10] as const;

export function isGood({ losses, problems }: Outcome, trends: readonly Trend[]): boolean {
  return losses.total === 0 && problems.length === 0 && trends.every(({ verdict }) => verdict !== 'grows');
}

export function inWords(outcome: Outcome, trends: readonly Trend[]): string {
  const { samples, seconds, mix, traffic, losses, mostDraining, problems } = outcome;
  const restarts = samples.length;
  return [
    `restarts: ${restarts} in ${number(seconds)} s; earlier generations that drained at once: ${mostDraining} at most`,
    `connections at once: ${mix.echo} echo, ${mix.http} HTTP, ${mix.tls} TLS, ${mix.idle} idle, ${mix.slow} slow; and ${mix.rate} a second that come and go`,
    `connections in all: ${traffic.short} short, ${traffic.opened} that stayed, ${traffic.idle} idle (${traffic.cutAtDeadline} cut when a drain was over), ${traffic.slow} slow`,
    `answers to those that stayed: ${traffic.echoed} lines, ${traffic.requests} requests, ${traffic.echoedSecurely} lines over TLS`,
    '',
    row(['for each 1,000 restarts', 'median', 'slope', '99.9 % interval', 'tolerance']),
    ...trends.map((trend) => trendInWords(trend, outcome)),
    '',
    ...problems.map((problem) => `PROBLEM ${problem.split('\n')[0] ?? ''}`),
    ...trends.filter(({ verdict }) => verdict === 'grows').map(({ measure }) => `GROWS ${measure.name}`),
    ...undecided(trends),
    `lost: ${losses.total}`,
    ...Object.entries(losses.counts).map(([reason, count]) => `  ${reason}: ${count}`),
    isGood(outcome, trends) ? 'nothing grew, nothing was lost' : 'FAILED',
  ].join('\n');
}

export function progressInWords({ latest, lost }: Progress, restarts: number, secondsLeft: number): string {
  const { restart, generation, supervisor, family } = latest;
  const memory = `${megabytes(generation.resident)} and ${megabytes(supervisor?.resident ?? NaN)} MB`;
  const { sockets, pipes, events, files } = generation.descriptors;
  return (
    `${restart} of ${restarts}, ${lost} lost; generation and supervisor: ${memory}; ` +
    `${sockets + pipes + events + files} descriptors and ${generation.connections} connections; ` +
    `${family.alive} processes; ${Math.ceil(secondsLeft / 60)} min left`
  );
}

/** Everything, in columns: one value for each generation. */
export function inFull(outcome: Outcome, trends: readonly Trend[]): Record<string, unknown> {
  const { samples, losses, ...facts } = outcome;
  return {
    ...facts,
    restarts: samples.length,
    good: isGood(outcome, trends),
    lost: { total: losses.total, counts: losses.counts, first: losses.first },
    trends: trends.map(({ measure: { name, unit }, line, limit, verdict }) => ({
      name,
      unit,
      limit,
      verdict,
      line,
    })),
    values: {
      restart: samples.map(({ restart }) => restart),
      ...Object.fromEntries(
        MEASURES.map(({ name, of }) => [name, samples.map((sample) => of(sample) ?? null)]),
      ),
    },
  };
}

function trendInWords({ measure, line, limit, verdict }: Trend, { samples }: Outcome): string {
  const values = afterWarmUp(samples).flatMap((sample) => measure.of(sample) ?? []);
  const name = measure.unit === '' ? measure.name : `${measure.name}, ${measure.unit}`;
  const middle = values.length === 0 ? '–' : number(median(values));
  const interval = line === undefined ? '–' : `${number(line.low)} … ${number(line.high)}`;
  const slope = line === undefined ? '–' : number(line.slope);
  return `${row([name, middle, slope, interval, number(limit)])}  ${verdict}`;
}

function undecided(trends: readonly Trend[]): string[] {
  const names = trends.filter(({ verdict }) => verdict === 'undecided').map(({ measure }) => measure.name);
  if (names.length === 0) return [];
  return [
    `undecided, because of noise or of what else the machine did (more restarts, or less beside them, would tell): ${names.join(', ')}`,
  ];
}

function row(cells: readonly string[]): string {
  return cells
    .map((cell, at) => (at === 0 ? cell.padEnd(COLUMNS[0]) : cell.padStart(COLUMNS[at] ?? 0)))
    .join('');
}

function number(value: number): string {
  if (value === 0 || Number.isInteger(value)) return String(value === 0 ? 0 : value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
