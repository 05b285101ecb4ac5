/** In hexadecimal digits. Throws if a source cannot be read. */
export function sourceDigest(root: string): string;
