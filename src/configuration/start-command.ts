/** The command that starts the next version: checked, or proposed. Pure. */
import { basename, isAbsolute, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Given, type Problems, print } from './given.js';
import type { ConfigurationContext } from './options.js';

/** A string for `/bin/sh`, a frozen array of words, null if none was given; null, with a problem added, if it is unusable. */
export function readStartCommand(
  given: Given | undefined,
  context: ConfigurationContext,
  problems: Problems,
): string | readonly string[] | null {
  const value = given?.value ?? null;
  if (value === null) {
    if (context.mode === 'run') {
      problems.add(
        `startCommand is required by run(): it starts the next version of this program. This process was started with: ${proposeCommand(context)}`,
      );
    }
    return null;
  }
  const words = Array.isArray(value) ? (value as unknown[]) : [value];
  const isUsable =
    words.length > 0 &&
    words.every((word) => typeof word === 'string' && word.trim() !== '' && !word.includes('\0'));
  if (isUsable && Array.isArray(value) && words.length === 1 && /\s/.test(words[0] as string)) {
    problems.add(
      `${given?.label} is an array of one word with spaces in it, ${print(words[0])}, which would be the name of one file; give a string, or each word for itself.`,
    );
    return null;
  }
  if (isUsable) return typeof value === 'string' ? value : Object.freeze([...(words as string[])]);
  problems.add(
    `${given?.label} must be a command line or an array of words, none of them empty, not ${Array.isArray(value) ? 'this array' : print(value)}.`,
  );
  return null;
}

/** Flags of Node whose value is a module: a path without `./` would be the name of a package. */
const MODULE_FLAGS: ReadonlySet<string> = new Set([
  '-r',
  '--require',
  '--import',
  '--loader',
  '--experimental-loader',
]);
/** What the `tsx` command puts in front of the program (measured with tsx 4). */
const TSX_PART = /^(?<project>.*?)\/node_modules\/(?:.*\/)?tsx\/dist\/(?:preflight\.cjs|loader\.mjs)$/;

/** The command line of this process, quoted for `sh`, with paths inside the directory it was started in made relative. */
function proposeCommand({ commandLine, startedIn }: ConfigurationContext): string {
  const [program = '', ...words] = withoutTsxParts(commandLine, startedIn);
  // Else a `current` link would start the old release again, because Node resolves links and makes paths absolute.
  const inside = (path: string): string | undefined => {
    const way = isAbsolute(path) ? relative(startedIn, path) : '';
    return way === '' || way === '..' || way.startsWith(`..${sep}`) ? undefined : way;
  };
  const shorten = (value: string, isModule: boolean): string => {
    const way = inside(pathOf(value));
    if (way === undefined) return value;
    return isModule ? `./${way}` : way;
  };
  const shortened = words.map((word, at) => {
    const [, flag, value] = /^(--[\w-]+)=(.*)$/s.exec(word) ?? [];
    if (flag === undefined || value === undefined) {
      return shorten(word, MODULE_FLAGS.has(words[at - 1] ?? ''));
    }
    return `${flag}=${shorten(value, MODULE_FLAGS.has(flag))}`;
  });
  const first = basename(program) === 'node' ? 'node' : (inside(program) ?? program);
  return [first, ...shortened].map(quoteForShell).join(' ');
}

/** `tsx server.ts` runs `node --require …/preflight.cjs --import file:///…/loader.mjs server.ts`. */
function withoutTsxParts(commandLine: readonly string[], startedIn: string): readonly string[] {
  const projects = new Set<string>();
  const [program = '', ...words] = commandLine;
  const kept: string[] = [];
  for (const word of words) {
    const project = TSX_PART.exec(pathOf(word))?.groups?.['project'];
    if (project === undefined || !MODULE_FLAGS.has(kept.at(-1) ?? '')) {
      kept.push(word);
      continue;
    }
    kept.pop();
    projects.add(project);
  }
  const [project] = projects;
  if (project === undefined) return commandLine;
  // Resolved from the directory it is started in, if it is installed there or above; that leaves no wrapper behind.
  return startedIn === project || startedIn.startsWith(`${project}${sep}`)
    ? [program, '--import', 'tsx', ...kept]
    : ['tsx', ...kept];
}

function pathOf(word: string): string {
  try {
    return word.startsWith('file://') ? fileURLToPath(word) : word;
  } catch {
    return word;
  }
}

function quoteForShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
