/** Words as execve(2) takes them. */

/** Each with a NUL at its end. */
export function nulTerminated(words: readonly string[]): Buffer {
  return Buffer.from(words.map((word) => `${word}\0`).join(''));
}
