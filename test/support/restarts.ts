/** How often a test under load restarts. */

/** As often as asked for, or as HTTP_RESTARTS says if that is less: the same tests in less time. */
export function restarts(most: number): number {
  const limit = Number(process.env['HTTP_RESTARTS'] ?? most);
  if (Number.isInteger(limit) && limit >= 1) return Math.min(most, limit);
  throw new RangeError('HTTP_RESTARTS must be a whole number from 1.');
}
