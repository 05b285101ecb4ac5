// The command line, checked: gives the options, or the problem with them as a sentence.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SIZES = ['full', 'tiny'];

export function readArguments(args, known) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        size: { type: 'string', default: 'full' },
        only: { type: 'string', multiple: true },
        out: { type: 'string' },
      },
    });
    if (!SIZES.includes(values.size)) return { problem: `--size is one of ${SIZES.join(', ')}` };
    const unknown = positionals.filter((name) => !known.includes(name) && name !== 'page');
    if (unknown.length > 0) {
      return {
        problem: `no scenario is called ${unknown.join(', ')}; there are ${known.join(', ')}, and page`,
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
