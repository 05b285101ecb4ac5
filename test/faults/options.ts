/** How a walk is asked for. */
import { Command } from 'commander';

export interface Options {
  seed: number;
  only?: string;
  pairs: number;
  sample?: number;
  jobs: number;
  rate: number;
  minutes: number;
  json?: string;
  list?: true;
}

export function readOptions(): Options {
  return new Command('npm run test:faults --')
    .description('Tries every fault of a hand-over under load, one at a time, and a sample of pairs.')
    .option('--seed <number>', 'what the samples are drawn with', Number, 1)
    .option('--only <name>', 'one trial, by its name; or all whose name contains this')
    .option('--pairs <number>', 'how many pairs of faults, for each way to start', Number, 300)
    .option('--sample <number>', 'of all but the faults at steps of the protocol only so many', Number)
    .option(
      '--jobs <number>',
      'trials at a time, and three times as many in which a process is stopped',
      Number,
      3,
    )
    .option('--rate <number>', 'connections per second in each trial', Number, 200)
    .option('--minutes <number>', 'no trial begins later', Number, Infinity)
    .option('--json <file>', 'where the results go too, with the log of each trial that failed')
    .option('--list', 'only says what would be tried')
    .parse()
    .opts<Options>();
}
