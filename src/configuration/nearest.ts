/** The known name somebody probably meant. Pure. */

/** How many letters of a name make up for one wrong one, where nobody asked for a proposal. */
const LETTERS_PER_SLIP = 6;

/** The nearest known name, or undefined if none is near. Case, `_` and `-` do not count: `start_command` is `startCommand`. */
export function nearest<Name extends string>(given: string, known: readonly Name[]): Name | undefined {
  const wanted = simplify(given);
  let best: { name: Name; score: number } | undefined;
  for (const name of known) {
    const score = distance(wanted, simplify(name));
    if (best === undefined || score < best.score) best = { name, score };
  }
  return best !== undefined && best.score <= Math.max(2, Math.floor(wanted.length / 3)) && wanted !== ''
    ? best.name
    : undefined;
}

/** Whether one name is the other but for a slip of the fingers: stricter than `nearest`, `process` is not `processRequest`. */
export function isTypo(given: string, known: string): boolean {
  return edits(simplify(given), simplify(known)) <= Math.max(1, Math.floor(known.length / LETTERS_PER_SLIP));
}

function simplify(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, '').slice(0, 50);
}

/** Edits; a name inside another (`port` in `bindPort`) is one edit away, and a bit more the longer the other is. */
function distance(one: string, other: string): number {
  if (one === other) return 0;
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  if (short.length >= 3 && long.includes(short)) return 1 + (long.length - short.length) / 100;
  return edits(one, other);
}

/** Levenshtein distance. */
function edits(one: string, other: string): number {
  let previous = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const current = [i];
    for (let j = 1; j <= other.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      current[j] = Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1);
    }
    previous = current;
  }
  return previous[other.length] ?? 0;
}
