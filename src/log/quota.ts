/** Lines that outsiders can cause: so many a minute are logged, the others are counted. Else a stranger could fill a disk. */

const MOST = 10;
const INTERVAL_MILLISECONDS = 60_000;

export class Quota {
  readonly #onHeldBack: (count: number) => void;
  #used = 0;
  #heldBack = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `onHeldBack` is told, at the end of such a minute, how many were not logged. */
  constructor(onHeldBack: (count: number) => void) {
    this.#onHeldBack = onHeldBack;
  }

  /** Whether one more line may be logged. */
  take(): boolean {
    this.#timer ??= setTimeout(() => this.#tell(), INTERVAL_MILLISECONDS).unref();
    this.#used += 1;
    if (this.#used <= MOST) return true;
    this.#heldBack += 1;
    return false;
  }

  #tell(): void {
    this.#timer = undefined;
    const heldBack = this.#heldBack;
    this.#used = 0;
    this.#heldBack = 0;
    if (heldBack > 0) this.#onHeldBack(heldBack);
  }
}
