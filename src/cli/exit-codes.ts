/** What the exit code of the command says. Stable between major versions; `docs/cli.md` and `--help` list the same. */

export const EXIT = {
  done: 0,
  unknown: 1,
  usage: 2,
  nobody: 3,
  timeout: 4,
  down: 5,
  refused: 6,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** In the order of their numbers. */
export const exitMeanings: readonly string[] = Object.freeze([
  'done',
  'unknown: what came of it could not be found out, or doctor found something wrong',
  'usage: wrong arguments, or several servers and none was named; nothing was ordered',
  'nobody there: no server answers',
  'timed out: what was ordered may still go on',
  'down: nobody serves any more',
  'refused or failed: whoever served before serves on',
]);
