/** How a soak is asked for. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

/** What a service can be told to do wrong, to see that it is noticed. */
const PLANTS = ['descriptor', 'environment', 'memory', 'file', 'time', 'loss'] as const;
export type Plant = (typeof PLANTS)[number];

export interface Options {
  restarts: number;
  connections: number;
  seed: number;
  minutes: number;
  svg: string;
  json?: string;
  plant: Plant[];
}

/** The options, or the exit code where nothing is to be done (commander has said why). */
export function readOptions(words: readonly string[]): Options | number {
  try {
    return new Command('npm run soak --')
      .description(
        'Restarts one service again and again under load, and shows whether anything grows or is lost.',
      )
      .option('--restarts <number>', 'how often', wholeFrom(1), 1000)
      .option('--connections <number>', 'how many at once, of all kinds', wholeFrom(10), 500)
      .option('--seed <number>', 'what decides how clients dawdle', wholeFrom(0), 1)
      .option('--minutes <number>', 'no restart begins later', positive, Infinity)
      .option('--svg <file>', 'where the plot goes', 'build/soak.svg')
      .option('--json <file>', 'where the results go too, with every value of every generation')
      .addOption(
        new Option('--plant <what...>', 'each generation does this wrong a little more')
          .choices(PLANTS)
          .default([]),
      )
      .allowExcessArguments(false)
      .exitOverride()
      .parse(words, { from: 'user' })
      .opts<Options>();
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

function wholeFrom(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least}.`);
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new InvalidArgumentError('It must be a number greater than 0.');
}
