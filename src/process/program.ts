/** What the program that runs here calls itself: for display, where an operator asks which version serves. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Longer names are cut: they travel in one message with everything else. */
const MOST_CHARACTERS = 200;

/** `name@version` of the package that the started file belongs to, or null if it belongs to none. Never throws. */
export function readProgram(startedFile: string | undefined): string | null {
  if (startedFile === undefined) return null;
  for (let directory = dirname(startedFile); ; directory = dirname(directory)) {
    const found = readPackage(join(directory, 'package.json'));
    if (found !== undefined) return found?.slice(0, MOST_CHARACTERS) ?? null;
    if (directory === dirname(directory)) return null;
  }
}

/** undefined: there is no such file; null: it gives no name. */
function readPackage(path: string): string | null | undefined {
  try {
    const { name, version } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    const words = [name, version].filter((word) => typeof word === 'string' && word !== '');
    return words.length === 0 ? null : words.join('@');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : null;
  }
}
