/** The text format of Prometheus, 0.0.4, read without any leniency: what a scraper may refuse is an error here. */

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const SAMPLE = new RegExp(`^(?<name>${NAME})(?:\\{(?<labels>[^\n]*)\\})? (?<value>\\S+)$`);
const LABEL = /(?<name>[a-zA-Z_][a-zA-Z0-9_]*)="(?<value>(?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;
const VALUE = /^[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)$|^NaN$/;
const TYPES = ['counter', 'gauge', 'histogram'];

/** All series, in their order. Throws for whatever the format does not allow. */
export function readExposition(text: string): Series[] {
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, { type: string; series: Series[] }>();
  let current: string | undefined;
  let helped: string | undefined;
  for (const line of text.split('\n').slice(0, -1)) {
    const [, help] = new RegExp(`^# HELP (${NAME}) (?:[^\\\\]|\\\\[\\\\n])+$`).exec(line) ?? [];
    const [, typed, type = ''] = new RegExp(`^# TYPE (${NAME}) ([a-z]+)$`).exec(line) ?? [];
    if (help !== undefined) {
      helped = help;
    } else if (typed !== undefined) {
      if (typed !== helped) throw new Error(`no help before: ${line}`);
      if (families.has(typed)) throw new Error(`twice: ${line}`);
      if (!TYPES.includes(type)) throw new Error(`no type: ${line}`);
      current = typed;
      families.set(typed, { type, series: [] });
    } else {
      const series = readSample(line);
      const family = current === undefined ? undefined : families.get(current);
      const suffix =
        current !== undefined && series.name.startsWith(current) ? series.name.slice(current.length) : '?';
      const allowed = family?.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      if (!allowed.includes(suffix)) throw new Error(`of no family: ${line}`);
      family?.series.push(series);
    }
  }
  const all = [...families.values()].flatMap(({ series }) => series);
  const keys = all.map(keyOf);
  const twice = keys.find((key, at) => keys.indexOf(key) !== at);
  if (twice !== undefined) throw new Error(`twice: ${twice}`);
  for (const [name, { type, series }] of families) check(name, type, series);
  return all;
}

/** The values by `name{label="value"}`, as they stand in the text. */
export function valuesOf(text: string): Record<string, number> {
  return Object.fromEntries(readExposition(text).map((series) => [keyOf(series), series.value]));
}

/** Those that may only go up. */
export function countersOf(text: string): Record<string, number> {
  const isCounter = ([key]: [string, number]): boolean => /_total|_(bucket|sum|count)(\{|$)/.test(key);
  return Object.fromEntries(Object.entries(valuesOf(text)).filter(isCounter));
}

function keyOf({ name, labels }: Series): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}

function readSample(line: string): Series {
  const { name = '', labels = '', value = '' } = SAMPLE.exec(line)?.groups ?? {};
  if (name === '' || !VALUE.test(value)) throw new Error(`no sample: ${line}`);
  const pairs: [string, string][] = [];
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < labels.length) {
    const groups = LABEL.exec(labels)?.groups;
    if (groups === undefined) throw new Error(`no labels: ${line}`);
    pairs.push([groups['name'] ?? '', unescaped(groups['value'] ?? '')]);
  }
  return { name, labels: Object.fromEntries(pairs), value: Number(value.replace('Inf', 'Infinity')) };
}

function unescaped(value: string): string {
  return value.replaceAll(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}

function check(name: string, type: string, series: readonly Series[]): void {
  if (series.length === 0) throw new Error(`${name} has no samples`);
  if (type === 'counter' && !name.endsWith('_total')) throw new Error(`${name} is a counter`);
  if (type !== 'counter' && name.endsWith('_total')) throw new Error(`${name} is no counter`);
  if (type !== 'histogram') return;
  const buckets = series.filter((each) => each.name === `${name}_bucket`);
  const bounds = buckets.map(({ labels }) => Number(labels['le']?.replace('Inf', 'Infinity')));
  const isSorted = (values: readonly number[]): boolean =>
    values.every((value, at) => at === 0 || value >= (values[at - 1] ?? 0));
  if (!isSorted(bounds) || bounds.at(-1) !== Number.POSITIVE_INFINITY) {
    throw new Error(`${name}: ${bounds.join()}`);
  }
  if (!isSorted(buckets.map(({ value }) => value))) throw new Error(`${name}: buckets are not cumulative`);
  const count = series.find((each) => each.name === `${name}_count`)?.value;
  if (buckets.at(-1)?.value !== count) throw new Error(`${name}: +Inf is not the count`);
  if (!series.some((each) => each.name === `${name}_sum`)) throw new Error(`${name} has no sum`);
}
