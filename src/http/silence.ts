/** How long a client of a draining process may say nothing before its connection ends. */

/** For servers that have no keep-alive timeout: HTTP/2, and HTTP/1 with `keepAliveTimeout: 0`. */
const DEFAULT_MILLISECONDS = 5_000;
/** Node's own margin on top of the keep-alive timeout: a client that counts the same seconds is not cut off. */
const MARGIN_MILLISECONDS = 1_000;

/** From the keep-alive timeout of a server of Node's, in ms; 0 = none. */
export function patience(keepAliveTimeout: number): number {
  return (keepAliveTimeout || DEFAULT_MILLISECONDS) + MARGIN_MILLISECONDS;
}
