/** The command that starts the next version: checked, or proposed. Pure. */
import { basename, isAbsolute, relative, sep } from 'node:path';
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
  if (isUsable) return typeof value === 'string' ? value : Object.freeze([...(words as string[])]);
  problems.add(
    `${given?.label} must be a command line or an array of words, none of them empty, not ${Array.isArray(value) ? 'this array' : print(value)}.`,
  );
  return null;
}

/** The command line of this process, quoted for `sh`, with paths inside the directory it was started in made relative. */
function proposeCommand({ commandLine, startedIn }: ConfigurationContext): string {
  return commandLine
    .map((word, index) => {
      if (index === 0 && basename(word) === 'node') return 'node';
      // Node makes the script's path absolute; with a `current` symlink that would start the old release again.
      const inside = isAbsolute(word) ? relative(startedIn, word) : '';
      return quoteForShell(inside === '' || inside === '..' || inside.startsWith(`..${sep}`) ? word : inside);
    })
    .join(' ');
}

function quoteForShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
