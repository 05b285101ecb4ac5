// The command line, checked: gives the options, or the problem with them as a sentence.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SIZES = ['full', 'tiny'];

/** What `--help` prints. */
const helpOf = (known, contenders) => `usage: npm run bench -- [scenario …] [options]

Measures what a restart costs, and writes docs/benchmarks.md from the results; without a scenario all of it, in less than
15 minutes and only on 127.0.0.1. Ends with 0 only if everything that could be measured was.

scenarios: ${known.join(', ')}, and page, which only writes the page anew

options:
  --only NAME   only this contender, in "restart" and "bad-deploy"; can be repeated. There are ${contenders.join(', ')}
  --size tiny   tries everything out in seconds; the figures mean nothing
  --out DIR     writes into a directory instead of the repository
  --help        this text
`;

export function readArguments(args, known, contenders) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        size: { type: 'string', default: 'full' },
        only: { type: 'string', multiple: true },
        out: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help) return { help: helpOf(known, contenders) };
    if (!SIZES.includes(values.size)) return { problem: `--size is one of ${SIZES.join(', ')}` };
    const unknown = positionals.filter((name) => !known.includes(name) && name !== 'page');
    if (unknown.length > 0) {
      return {
        problem: `no scenario is called ${unknown.join(', ')}; there are ${known.join(', ')}, and page`,
      };
    }
    const strangers = (values.only ?? []).filter((name) => !contenders.includes(name));
    if (strangers.length > 0) {
      return {
        problem: `no contender is called ${strangers.join(', ')}; there are ${contenders.join(', ')}`,
      };
    }
    const names = positionals.length === 0 ? known : positionals.filter((name) => name !== 'page');
    return { names, size: values.size, contenders: values.only, paths: pathsIn(values.out) };
  } catch (error) {
    return { problem: error.message };
  }
}

/** Where everything goes: into the repository, or all of it into a folder. */
function pathsIn(out) {
  return out === undefined
    ? {
        results: join(ROOT, 'bench/results'),
        page: join(ROOT, 'docs/benchmarks.md'),
        plots: join(ROOT, 'docs/plots'),
        readme: join(ROOT, 'README.md'),
      }
    : { results: join(out, 'results'), page: join(out, 'benchmarks.md'), plots: join(out, 'plots') };
}
