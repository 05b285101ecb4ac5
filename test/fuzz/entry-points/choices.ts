/** What the bytes of an input decide. Where they end, each choice is the first one, which is the plain one. */
export class Choices {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get over(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** From 0 up to, but not including, `end`, which is at most 256. */
  below(end: number): number {
    return (this.#bytes[this.#at++] ?? 0) % end;
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  oneIn(times: number): boolean {
    return this.below(times) === times - 1;
  }
}
