/** The table of options as the documentation has it, compared with the code. */
import { configurationDefaults, environmentNames } from '../../src/configuration.js';

type OptionName = keyof typeof configurationDefaults;

/** One row of `| option | environment | default | meaning |`. A row may be about several options. */
export interface OptionRow {
  readonly options: readonly string[];
  readonly environment: readonly string[];
  readonly default: string;
}

/** How a default that is "nothing" or computed is put in words. Part of the cell is enough. */
const inWords: Readonly<Partial<Record<OptionName, string>>> = {
  startCommand: 'required by `run()`',
  bind: '`tcp://<bindAddress>:<bindPort>`',
  bindPort: 'required if no `bind`',
  logPath: 'stdout',
  logger: 'pino',
  allowedNetworks: 'all',
  workingDirectory: '`$PWD`',
  controlPath: 'private',
};

/** The first table with these four columns, or undefined. */
export function readOptionTable(markdown: string): readonly OptionRow[] | undefined {
  const lines = markdown.split('\n');
  const head = lines.findIndex(
    (line) => cells(line).join('|').toLowerCase() === 'option|environment|default|meaning',
  );
  if (head === -1) return undefined;
  const rows: OptionRow[] = [];
  for (const line of lines.slice(head + 2)) {
    if (!line.startsWith('|')) break;
    const [options = '', environment = '', fallback = ''] = cells(line);
    rows.push({ options: codes(options), environment: codes(environment), default: fallback });
  }
  return rows;
}

/** Sentences about what differs; none if table and code say the same. */
export function compareOptionTable(rows: readonly OptionRow[]): readonly string[] {
  const differences: string[] = [];
  const documented = rows.flatMap((row) => row.options);
  const known = Object.keys(configurationDefaults) as OptionName[];
  for (const option of known) {
    const count = documented.filter((each) => each === option).length;
    if (count !== 1) differences.push(`${option} stands in the table ${count} times`);
  }
  for (const row of rows) {
    const options = row.options.filter((each): each is OptionName => known.some((option) => option === each));
    for (const each of row.options) {
      if (!options.some((option) => option === each)) differences.push(`${each} is no option`);
    }
    const variables = options.flatMap((option) => environmentNames[option] ?? []);
    if (variables.join() !== row.environment.join()) {
      differences.push(
        `${row.options.join(', ')}: the environment is ${variables.join(', ') || 'none'}, not ${row.environment.join(', ') || 'none'}`,
      );
    }
    for (const option of options) {
      const words = defaultInWords(option);
      if (!row.default.includes(words)) {
        differences.push(`${option}: the default is ${words}, not ${row.default || 'nothing'}`);
      }
    }
  }
  return differences;
}

function defaultInWords(option: OptionName): string {
  const words = inWords[option];
  if (words !== undefined) return words;
  const value = configurationDefaults[option];
  if (value === null || value === undefined) return 'none';
  if (typeof value === 'number') return value === 0 ? '0' : `${value / 1000} s`;
  return typeof value === 'boolean' ? String(value) : `\`${value}\``;
}

function cells(line: string): readonly string[] {
  return line
    .replace(/^\|/, '')
    .replace(/\|\s*$/, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

function codes(cell: string): readonly string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}
