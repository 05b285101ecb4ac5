// The command line, checked: gives the options, or the problem with them as a sentence.
import { parseArgs } from 'node:util';

export function readArguments(args) {
  try {
    const { values } = parseArgs({
      args,
      options: { rate: { type: 'string', default: '2000' }, restarts: { type: 'string', default: '5' } },
    });
    const options = { rate: Number(values.rate), restarts: Number(values.restarts) };
    if (!(options.rate > 0)) return { problem: '--rate takes a number of connections per second' };
    if (!(Number.isInteger(options.restarts) && options.restarts > 0)) {
      return { problem: '--restarts takes a whole number' };
    }
    return options;
  } catch (error) {
    return { problem: error.message };
  }
}
