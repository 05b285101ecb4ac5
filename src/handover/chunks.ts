/** Lists that are cut into packets. Pure. */

/** Cuts a list into parts of at most so many items, and bytes when each item is written as JSON. */
export function* chunks<Item>(
  items: readonly Item[],
  shown: (item: Item) => unknown,
  limits: { most: number; bytes: number },
): Generator<Item[]> {
  let part: Item[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = Buffer.byteLength(JSON.stringify(shown(item))) + 1;
    if (part.length > 0 && (part.length === limits.most || bytes + size > limits.bytes)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(item);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
